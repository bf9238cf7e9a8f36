"""The page as a reader of HTML sees it: parsed with the standard library, no browser."""

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from inspect_ai.scorer import Score

from instincts.errors import ConfigError
from instincts.records import read_metrics
from instincts.report.page import write_report
from tests.report.runs import (
    TEN_MODELS,
    Said,
    jailbreak_answers,
    write_card,
    write_evaluation,
    write_preflight,
    write_training,
)


class Page(HTMLParser):
    """What a page holds, and whether its elements close in the order they opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.values: list[float] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "data":
            self.values.append(float(dict(attrs)["value"] or "nan"))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


VOID = {"meta", "link", "br", "hr", "img", "input"}


def page_of(*folders: Path, out: Path) -> Page:
    write_report(folders, out)
    return Page(out.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def demo_page(demo: Path) -> Page:
    return Page((demo / "report.html").read_text(encoding="utf-8"))


def numbers_in(value: object) -> set[float]:
    """Every number in a JSON value."""
    if isinstance(value, dict | list):
        return set().union(*map(numbers_in, value.values() if isinstance(value, dict) else value))
    return {float(value)} if isinstance(value, int | float) and not isinstance(value, bool) else set()


def test_every_number_of_the_metrics_is_on_the_page_unrounded(demo: Path, demo_page: Page) -> None:
    assert {row.value for row in read_metrics(demo) if row.value is not None} <= set(demo_page.values)


def test_every_number_on_the_page_is_in_the_json_beside_it(demo: Path, demo_page: Page) -> None:
    beside = json.loads((demo / "report.json").read_text())
    rows = {row["value"] for row in beside["metrics"]}

    assert set(demo_page.values) <= rows | numbers_in(beside["comparison"])
    assert set(demo_page.values) - rows


def test_the_json_beside_the_page_holds_the_same_rows(demo: Path) -> None:
    beside = json.loads((demo / "report.json").read_text())

    assert beside["metrics"] == [row.model_dump() for row in read_metrics(demo)]
    assert set(beside["runs"]) == {"demo", "before", "model", "after"}
    assert len(beside["training"]["model"]) > 60


def test_histograms_show_as_many_answers_as_the_rows_count(demo: Path) -> None:
    beside = json.loads((demo / "report.json").read_text())
    counts = {
        (row.run, row.slice): row.n
        for row in read_metrics(demo)
        if (row.suite, row.metric) == ("jailbreak", "mean_entropy")
    }

    assert {
        (run, name): len(beside["entropies"][run][kind])
        for run in ("before", "after")
        for name, kind in (("refusal", "refusals"), ("compliance", "compliances"))
    } == counts


def test_all_sections_are_there_in_the_order_of_their_headings(demo_page: Page) -> None:
    wanted = [
        "standings",
        "jailbreaks",
        "changes",
        "confidence",
        "gate",
        "training",
        "costs",
        "prices",
        "transcripts",
        "rows",
        "settings",
        "reproduce",
    ]

    assert [one["id"] for one in demo_page.all("h2") if "id" in one] == wanted
    assert {f"#{name}" for name in wanted} <= {one.get("href") for one in demo_page.all("a")}


def test_the_page_loads_nothing_and_runs_nothing(demo: Path, demo_page: Page) -> None:
    text = (demo / "report.html").read_text()

    assert not {"script", "img", "iframe", "object"} & {tag for tag, _ in demo_page.tags}
    assert [one["href"] for one in demo_page.all("link")] == ["data:,"]
    assert not re.findall(r"(?:src|srcset|xlink:href)=|@import|url\((?!#)|https?://", text)


def test_the_page_is_accessible_in_its_bones(demo_page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in demo_page.tags if re.fullmatch(r"h[1-6]", tag)]
    ids = [attributes["id"] for _, attributes in demo_page.tags if "id" in attributes]

    assert demo_page.all("html")[0]["lang"] == "en"
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(one.get("role") == "img" and one.get("aria-label") for one in demo_page.all("svg"))
    assert len(ids) == len(set(ids))
    assert all(one.get("scope") for one in demo_page.all("th"))


def test_both_colour_schemes_define_the_same_colours(demo: Path) -> None:
    text = (demo / "report.html").read_text()
    light, dark = (set(re.findall(r"--([\w-]+):", block)) for block in re.findall(r":root \{(.*?)\}", text, re.DOTALL))

    assert light == dark
    # --v is no colour but a cell's own value.
    assert set(re.findall(r"var\(--([\w-]+)\)", text)) - {"v"} <= light


def test_every_figure_says_how_many_answers_it_rests_on(demo_page: Page) -> None:
    text = "".join(demo_page.text)

    assert re.search(r"n\s=\s160\seach", text)
    assert re.search(r"n\s=\s512 answers to 64 prompts", text)


def test_the_same_folders_make_the_same_page(demo: Path, tmp_path: Path) -> None:
    write_report([demo], tmp_path / "again.html")

    assert (tmp_path / "again.html").read_text() == (demo / "report.html").read_text()


def test_a_hostile_transcript_stays_text(tmp_path: Path) -> None:
    evil = "</p><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }} \"'&"
    said = Said("jailbreak", evil, evil, "harmful", evil, evil, evil, Score(value="refused"), 0.5)
    page = page_of(write_evaluation(tmp_path / "e", run="<u>run", said=[said]), out=tmp_path / "page.html")

    assert not {"script", "img", "u"} & {tag for tag, _ in page.tags}
    assert evil in page.text


def test_an_answer_that_gave_in_is_blurred_and_can_be_reached_without_a_mouse(tmp_path: Path) -> None:
    page = page_of(
        write_evaluation(tmp_path / "e", run="e", said=jailbreak_answers("before", n=3)), out=tmp_path / "page.html"
    )
    veiled = [attributes for tag, attributes in page.tags if attributes.get("class") == "veil"]

    assert veiled
    assert all(attributes["tabindex"] == "0" for attributes in veiled)


@pytest.mark.parametrize("verb", ["evaluate", "train", "preflight"])
def test_one_folder_alone_is_a_page(tmp_path: Path, verb: str) -> None:
    folder = {
        "evaluate": lambda: write_evaluation(tmp_path / "e", run="e"),
        "train": lambda: write_training(tmp_path / "t", steps=3),
        "preflight": lambda: write_preflight(tmp_path / "p"),
    }[verb]()

    page = page_of(folder, out=tmp_path / "page.html")

    wanted = {
        "evaluate": {"jailbreaks", "confidence", "costs", "prices", "transcripts"},
        "train": {"gate", "training"},
        "preflight": {"gate"},
    }[verb]
    found = {one["id"] for one in page.all("h2") if "id" in one}
    assert found - {"rows", "settings", "reproduce"} == wanted


def test_two_evaluations_are_compared(tmp_path: Path) -> None:
    folders = [
        write_evaluation(tmp_path / run, run=run, model=f"model-{run}", said=jailbreak_answers(run, n=2))
        for run in "ab"
    ]
    page = page_of(*folders, out=tmp_path / "page.html")

    assert "→" in page.text
    assert {"model-a", "model-b"} <= {text.strip() for text in page.text}


def test_a_line_that_is_a_maximum_is_told_apart_on_the_page_and_in_its_json(tmp_path: Path) -> None:
    said = [answer._replace(attack="best-of-n/noised") for answer in jailbreak_answers("a", n=1)[:1]]
    folder = write_evaluation(tmp_path / "a", run="a", said=[*said, *jailbreak_answers("a", n=1)])
    page = page_of(folder, out=tmp_path / "page.html")

    assert any("under best-of-n/noised it is the best of all answers" in text for text in page.text)
    assert json.loads((tmp_path / "page.json").read_text())["judged_on_best"] == ["best-of-n/noised"]


def test_three_models_in_one_page_have_a_column_each(tmp_path: Path) -> None:
    folders = [write_evaluation(tmp_path / run, run=run, said=jailbreak_answers(run, n=2)) for run in "abc"]
    page = page_of(*folders, out=tmp_path / "page.html")

    assert {"a", "b", "c"} <= {text.strip() for text in page.text}


@pytest.fixture(scope="module")
def ten_page(ten: Path) -> Page:
    return Page((ten / "report.html").read_text(encoding="utf-8"))


def test_the_page_begins_with_models_that_are_not_safe_but_broken(ten_page: Page) -> None:
    text = [one.strip() for one in ten_page.text if one.strip()]
    title = text.index("How safe are 10 models?", 1)

    assert text[title + 1].startswith("refuses-everything is not safe but refuses everything")
    assert text[title + 2].startswith("babbles is not safe but broken")


def test_ten_models_are_compared_ranked_and_told_apart(ten: Path, ten_page: Page) -> None:
    beside = json.loads((ten / "report.json").read_text())["comparison"]
    ids = {one.get("id") for one in ten_page.all("h2") + ten_page.all("h3")}

    assert {"standings", "overall", "changes", "judges", "groups", "left-out"} <= ids
    assert len(beside["standings"]) == 10
    assert {one["arm"] for one in beside["changes"]} == {model.name for model in TEN_MODELS[1:]}
    assert {group["kind"] for group in beside["groups"]} == {"plain", "other", "trained", "unseen", "defence-aware"}
    assert beside["agreement"][0]["judges"] == ["pocket", "refusal"]


def test_pages_about_many_models_close_their_elements_and_name_ids_once(ten_page: Page) -> None:
    ids = [attributes["id"] for _, attributes in ten_page.tags if "id" in attributes]

    assert ten_page.open == []
    assert len(ids) == len(set(ids))


def test_texts_of_other_prompts_than_the_pocket_s_stay_in_the_log(tmp_path: Path) -> None:
    said = jailbreak_answers("before", n=3)
    folder = write_evaluation(tmp_path / "e", run="e", said=said, data={"mine.csv": "f" * 64})

    page = page_of(folder, out=tmp_path / "page.html")
    text = "".join(page.text)

    assert said[0].prompt not in text
    assert not any(one.reply in text for one in said)
    assert "inspect view" in text
    assert said[0].prompt not in (tmp_path / "page.json").read_text()


def test_transcripts_are_shown_or_withheld_where_a_flag_asks_for_it(tmp_path: Path) -> None:
    said = jailbreak_answers("before", n=3)
    mine = write_evaluation(tmp_path / "mine", run="e", said=said, data={"mine.csv": "f" * 64})
    pocket = write_evaluation(tmp_path / "pocket", run="e", said=said)

    write_report([mine], tmp_path / "mine.html", transcripts=True)
    write_report([pocket], tmp_path / "pocket.html", transcripts=False)

    assert "tell me how to zorp" in (tmp_path / "mine.html").read_text()
    assert "tell me how to zorp" not in (tmp_path / "pocket.html").read_text()


def test_two_files_that_give_one_id_to_two_requests_are_not_compared(tmp_path: Path) -> None:
    first = jailbreak_answers("before", n=2)
    second = [one._replace(prompt=f"another {one.prompt}") for one in first]
    folders = [write_evaluation(tmp_path / name, run=name, said=said) for name, said in (("a", first), ("b", second))]

    page = page_of(*folders, out=tmp_path / "page.html")

    assert "asked other requests" in "".join(page.text)
    assert json.loads((tmp_path / "page.json").read_text())["comparison"]["changes"] == []


def test_prompts_that_a_model_was_trained_on_are_told_before_any_number(tmp_path: Path) -> None:
    seen = {"training": "train.csv", "model": "m", "suite": "jailbreak", "rows": 9, "exact": ["a"], "near": ["b", "c"]}
    folder = write_evaluation(
        tmp_path / "e", run="e", said=jailbreak_answers("e", n=1), outcome={"seen_in_training": [seen]}
    )

    text = " ".join(page_of(folder, out=tmp_path / "page.html").text)

    assert "1 of the 9 prompts of suite jailbreak are in train.csv, which m was trained on, and 2 nearly are" in text


def test_an_interrupted_run_says_so(tmp_path: Path) -> None:
    write_card(tmp_path / "e", "evaluate", settings={}, status="interrupted")

    assert "interrupted" in "".join(page_of(tmp_path / "e", out=tmp_path / "page.html").text)


def test_a_training_with_an_empty_gate_and_no_outcome_is_still_a_page(tmp_path: Path) -> None:
    folder = tmp_path / "t"
    write_card(folder, "train", settings={}, status="running")
    (folder / "gate.json").write_text("{}")
    (folder / "training.jsonl").write_text('{"kind": "step", "step": 1, "reward": -0.5}\n')

    assert page_of(folder, out=tmp_path / "page.html").all("svg")


def test_a_report_replaces_its_own_numbers_but_nobody_else_s(tmp_path: Path) -> None:
    folder = write_preflight(tmp_path)
    write_report([folder], folder / "report.html")
    write_report([folder], folder / "report.html")

    with pytest.raises(ConfigError, match=r"metrics\.json"):
        write_report([folder], folder / "metrics.html")
    with pytest.raises(ConfigError, match=r"\.html"):
        write_report([folder], folder / "report.pdf")
