"""Everything that our own OpenAPI document allows, and much that it does not, is asked: no 5xx, no surprise."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from instincts.analyst.service import ServiceSettings
from tests.analyst.service.listening import listening

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed (extra `dev`)")

OPERATIONS = (
    ("POST", "/v1/moderations"),
    ("POST", "/v1/analyze"),
    ("POST", "/v1/rescore"),
    ("GET", "/v1/policies"),
    ("GET", "/v1/policies/{name}"),
    ("PUT", "/v1/policies/{name}"),
    ("GET", "/v1/trees/{tree_id}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    limits = ServiceSettings(rate=1e6, burst=1_000_000)
    with listening(tmp_path_factory.mktemp("service"), settings=limits) as url:
        yield schemathesis.openapi.from_url(f"{url}/openapi.json")


@pytest.mark.enable_socket
def test_every_route_is_in_the_document(document: Any) -> None:
    found = {(each.ok().method.upper(), each.ok().path) for each in document.get_all_operations()}

    assert found == set(OPERATIONS)


@pytest.mark.enable_socket
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_one_that_the_document_promises(document: Any, method: str, path: str) -> None:
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    @settings(
        max_examples=10,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=document[path][method].as_strategy())
    def ask(case: Any) -> None:
        # A schema cannot say that a policy names 16 weights, nor that one of three fields is given: those are refused.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    ask()
