"""The page in a real browser: nothing overflows, nothing fails, nothing is fetched."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra `dev`)")

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
PATIENCE = 120_000
"""Milliseconds; a machine with other work to do takes its time."""
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def opened(browser: Any, request: pytest.FixtureRequest) -> Iterator[tuple[Any, list[str]]]:
    width, scheme, *wanted = request.param
    folder: Path = request.getfixturevalue(wanted[0] if wanted else "demo")
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, troubles = context.new_page(), []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda sent: None if sent.url.startswith(("file:", "data:")) else troubles.append(sent.url))
    page.goto((folder / "report.html").as_uri(), timeout=PATIENCE)
    yield page, troubles
    context.close()


@pytest.mark.parametrize(
    "opened",
    [
        *((360, "light"), (360, "dark"), (1280, "light"), (1280, "dark"), (360, "dark", "ten"), (1280, "light", "ten")),
        *((360, "light", "strengths"), (360, "dark", "strengths"), (1280, "dark", "strengths")),
    ],
    indirect=True,
)
def test_nothing_scrolls_sideways_and_nothing_is_reported(opened: tuple[Any, list[str]]) -> None:
    page, troubles = opened
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert troubles == []


@pytest.mark.parametrize(
    "opened",
    [(360, "light"), (1280, "light"), (360, "light", "ten"), (360, "light", "strengths")],
    indirect=True,
)
def test_text_in_figures_is_large_enough_to_read(opened: tuple[Any, list[str]]) -> None:
    page, _ = opened
    heights = page.evaluate(
        "[...document.querySelectorAll('svg text')].map(one => one.getBoundingClientRect().height).filter(h => h > 0)"
    )

    assert len(heights) > 10
    assert min(heights) >= 11


@pytest.mark.parametrize("opened", [(1280, "light"), (1280, "dark")], indirect=True)
def test_colours_stand_out_from_the_paper(opened: tuple[Any, list[str]]) -> None:
    page, _ = opened
    names = ("ink", "soft", "before", "after", "refusal", "compliance", "third", "fourth")
    read = "name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim()"
    paper, card = (page.evaluate(read, name) for name in ("paper", "card"))

    for name in names:
        # 4.5 is what WCAG 2.2 asks of small text.
        assert contrast(page.evaluate(read, name), paper) >= 4.5, name
        assert contrast(page.evaluate(read, name), card) >= 4.5, name


@pytest.mark.parametrize("opened", [(1280, "light", "ten"), (1280, "dark", "ten")], indirect=True)
def test_numbers_in_tinted_cells_can_be_read(opened: tuple[Any, list[str]]) -> None:
    """The darkest tint is drawn on a canvas to turn `color-mix` into plain red, green and blue."""
    page, _ = opened
    read = """one => {
        const paint = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
        const plain = colour => {
            paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1);
            const [r, g, b] = paint.getImageData(0, 0, 1, 1).data;
            return '#' + [r, g, b].map(x => x.toString(16).padStart(2, '0')).join('');
        };
        const style = getComputedStyle(one);
        return [plain(style.backgroundColor), plain(style.color)];
    }"""
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    cells = page.locator(".tint").evaluate_all(f"all => all.map({read})")

    assert len({paper for paper, _ in cells}) > 10
    assert min(contrast(ink, paper) for paper, ink in cells) >= 4.5


@pytest.mark.parametrize("opened", [(1280, "light")], indirect=True)
def test_a_blurred_answer_clears_when_the_keyboard_reaches_it(opened: tuple[Any, list[str]]) -> None:
    page, _ = opened
    blur = "getComputedStyle(document.querySelector('.veil .said')).filter"

    assert "blur" in page.evaluate(blur)
    page.locator(".veil").first.focus()
    page.wait_for_function(f"{blur} === 'none'", timeout=PATIENCE)


def contrast(one: str, other: str) -> float:
    """Contrast of two colours `#rrggbb` after WCAG 2.2: (lighter + 0.05) / (darker + 0.05)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_of_black_and_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
