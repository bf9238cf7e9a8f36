"""The official client works against it unchanged, over a real socket."""

from pathlib import Path

import pytest

from tests.analyst.service.listening import listening
from tests.analyst.service.scripted import BENIGN, HARMFUL

openai = pytest.importorskip("openai", reason="openai is not installed (extra `dev`)")


@pytest.mark.enable_socket
def test_the_official_client_reads_every_field(tmp_path: Path) -> None:
    with listening(tmp_path) as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="any")
        answer = client.moderations.create(input=[HARMFUL, BENIGN], model="omni-moderation-latest")
        with pytest.raises(openai.BadRequestError) as refused:
            client.moderations.create(input=[])
        client.close()

    bad, good = answer.results
    assert (bad.flagged, good.flagged) == (True, False)
    assert bad.categories.violence
    assert bad.category_scores.violence > 0.7
    assert bad.category_applied_input_types.harassment_threatening == ["text"]
    assert good.model_extra["instincts"]["verdict"] == "allow"
    assert refused.value.code == "invalid_request"
