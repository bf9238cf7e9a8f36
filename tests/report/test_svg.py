import re
import xml.etree.ElementTree as ElementTree

from instincts.report.svg import INKS, canvas, render


def drawing(name: str, label: str = "a line") -> str:
    figure = canvas(200, 100)
    axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    axes.plot([0, 1], [0.123456, 1], color=INKS["after"], marker="o")
    axes.text(0, 0.5, "$<0.123456>", color=INKS["ink"])
    return render(figure, name=name, label=label)


def test_the_same_drawing_is_the_same_characters() -> None:
    assert drawing("one") == drawing("one")


def test_colours_are_variables_of_the_page() -> None:
    svg = drawing("one")

    assert "var(--after)" in svg
    assert not set(INKS.values()) & set(re.findall(r"#[0-9a-f]{6}", svg))


def test_ids_of_two_drawings_do_not_clash_and_all_references_resolve() -> None:
    ids = [set(re.findall(r'id="([^"]+)"', drawing(name))) for name in ("one", "two")]
    used = set(re.findall(r"#([\w-]+)[\")]", drawing("one")))

    assert not ids[0] & ids[1]
    assert used == ids[0]


def test_nothing_outside_is_referred_to_and_nothing_leaks_out() -> None:
    svg = drawing("one")

    assert "http" not in svg
    assert "<style" not in svg
    assert "font-family" not in svg


def test_texts_and_the_label_are_escaped_and_keep_their_digits() -> None:
    root = ElementTree.fromstring(drawing("one", 'said "<b>"'))

    assert root.get("aria-label") == 'said "<b>"'
    assert "$<0.123456>" in [element.text for element in root.iter("text")]
