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


def test_every_number_of_the_metrics_is_on_the_page_unrounded(demo: Path, demo_page: Page) -> None:
    assert {row.value for row in read_metrics(demo) if row.value is not None} == set(demo_page.values)


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
    wanted = ["jailbreaks", "confidence", "gate", "training", "costs", "transcripts", "rows", "settings", "reproduce"]

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
    assert set(re.findall(r"var\(--([\w-]+)\)", text)) <= light


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
        "evaluate": {"jailbreaks", "confidence", "costs", "transcripts"},
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
    assert {"a", "b"} <= {text.strip() for text in page.text}


def test_three_models_in_one_page_have_a_column_each(tmp_path: Path) -> None:
    folders = [write_evaluation(tmp_path / run, run=run, said=jailbreak_answers(run, n=2)) for run in "abc"]
    page = page_of(*folders, out=tmp_path / "page.html")

    assert {"a", "b", "c"} <= {text.strip() for text in page.text}
    assert "change" not in page.text


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
