"""Samples read one after the other are the samples of the whole log."""

from pathlib import Path
from zipfile import BadZipFile

import pytest
from inspect_ai import Epochs, Task
from inspect_ai import eval as inspect_eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, get_model

from instincts.suites import reading
from instincts.suites.reading import sample_keys, stream_samples


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> EvalLog:
    """Five prompts with awkward ids, two epochs each, one prompt long enough to become an attachment."""
    ids: list[int | str] = ["pocket/role-play:a_epoch_1", "ä ö", "x" * 80, 7, "plain:b"]
    samples = [Sample(id=name, input=f"zorp {'lamp ' * (400 if name == 7 else 1)}") for name in ids]
    output = ModelOutput.from_content("mockllm/model", "no .")
    output.usage = ModelUsage(input_tokens=1, output_tokens=1)
    folder = tmp_path_factory.mktemp("logs")
    (done,) = inspect_eval(
        Task(dataset=MemoryDataset(samples), epochs=Epochs(2)),
        model=get_model("mockllm/model", custom_outputs=[output] * 20),
        log_dir=str(folder),
        display="none",
    )
    return read_eval_log(done.location)


def test_streamed_samples_are_those_of_the_whole_log(log: EvalLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_AT_ONCE", 3)

    streamed = {(str(one.id), one.epoch): one for one in stream_samples(log.location, unread=())}

    whole = {(str(one.id), one.epoch): one for one in log.samples or []}
    assert len(whole) == 10
    assert streamed == whole


def test_fields_that_are_not_wanted_are_passed_over(log: EvalLog) -> None:
    sample = next(stream_samples(log.location, unread=("messages", "events")))

    assert sample.messages == []
    assert sample.output.completion == "no ."


def test_each_sample_is_listed_once_with_its_epoch(log: EvalLog) -> None:
    keys = sample_keys(Path(log.location))

    assert sorted(keys) == sorted((str(one.id), one.epoch) for one in log.samples or [])


def test_a_file_that_is_no_log_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "broken.eval"
    path.write_bytes(b"PK")

    with pytest.raises(BadZipFile):
        list(stream_samples(path))
