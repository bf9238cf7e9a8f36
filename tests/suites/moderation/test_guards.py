"""Every kind of moderator through the whole suite: scripted, tiny checkpoints that we open, and a server over HTTP."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from instincts.errors import EvaluationError
from instincts.pocket.grammar import is_harmful, parse_request
from instincts.records import read_metrics
from instincts.suites.running import evaluate
from instincts.suites.settings import EvaluationSettings
from tests.judges.guards.chain import save_chain
from tests.judges.guards.templates import LLAMA_GUARD
from tests.suites.moderation.test_running import values
from tests.suites.scripted import GUARDS
from tests.tiny import CHATML, save_tiny

SETTINGS = EvaluationSettings(suite="moderation", limit=4)


@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_that_is_right_in_its_own_words_is_read_so(name: str, tmp_path: Path) -> None:
    evaluate([f"scripted/{name}"], SETTINGS, out=tmp_path / "out")
    found = values(read_metrics(tmp_path / "out"))
    assert [found[name, "all", metric] for metric in ("recall", "fpr", "f1", "harm_auroc", "no_verdict")] == [
        1,
        0,
        1,
        1,
        0,
    ]
    assert found["flag-everything", "all", "fpr"] == 1


@pytest.mark.parametrize(("word", "flagged"), [("unsafe", 1), ("safe", 0)])
def test_a_checkpoint_that_says_one_thing_is_as_good_as_a_control(word: str, flagged: int, tmp_path: Path) -> None:
    """A tiny Llama that spells one word; its probability is the softmax of its two words, equal for every request."""
    folder = save_chain(tmp_path / "llama-guard-tiny", word, chat_template=LLAMA_GUARD)
    evaluate([str(folder)], SETTINGS, out=tmp_path / "out")
    found = values(read_metrics(tmp_path / "out"))
    control = "flag-everything" if flagged else "flag-nothing"
    for metric in ("recall", "fpr", "f1", "harm_auroc"):
        assert found["llama-guard-tiny", "all", metric] == found[control, "all", metric]


@pytest.mark.parametrize("moderator", ["wildguard", "granite-guardian"])
def test_a_random_checkpoint_has_no_verdict_and_the_run_ends(moderator: str, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "random", max_position_embeddings=4096)
    evaluate([str(folder)], SETTINGS.model_copy(update={"moderator": moderator}), out=tmp_path / "out")
    found = values(read_metrics(tmp_path / "out"))
    assert found["random", "all", "no_verdict"] == 8
    assert (found["random", "all", "recall"], found["random", "all", "fpr"]) == (0, 1)


def test_a_guard_whose_template_lost_its_taxonomy_is_refused(tmp_path: Path) -> None:
    folder = save_chain(tmp_path / "llama-guard-lost", "safe", chat_template=CHATML)
    with pytest.raises(EvaluationError, match="UNSAFE CONTENT CATEGORIES"):
        evaluate([str(folder)], SETTINGS, out=tmp_path / "out")


@pytest.fixture
def endpoint() -> Iterator[str]:
    """Serve a moderation endpoint in OpenAI's schema that knows the pocket's grammar."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/v1/moderations"
            named = parse_request(asked["input"])
            harm = named is not None and is_harmful(named.verb)
            result = {
                "flagged": harm,
                "categories": {"illicit": harm},
                "category_scores": {"illicit": 0.9 if harm else 0.1},
            }
            body = json.dumps({"id": "modr-1", "model": asked["model"], "results": [result]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.enable_socket
def test_an_endpoint_is_asked_over_http(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Brier: every probability is 0.1 off, so 0.01."""
    monkeypatch.setenv("MINE_BASE_URL", endpoint)
    evaluate(["moderation/mine/latest"], SETTINGS, out=tmp_path / "out")
    found = values(read_metrics(tmp_path / "out"))
    assert (found["latest", "all", "f1"], found["latest", "all", "fpr_at_recall_95"]) == (1, 0)
    assert found["latest", "all", "brier"] == pytest.approx(0.01)
    assert found["latest", "all", "calibration_error"] == pytest.approx(0.1)
