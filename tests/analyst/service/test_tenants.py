"""Tenants see their own, under their own policy and lines; tokens are only hashes."""

import hashlib
from pathlib import Path

import pytest

from instincts.analyst.policy_files import policy_text, read_policy
from instincts.analyst.service.limits import Buckets
from instincts.analyst.service.tenants import Tenants, read_tenants
from instincts.errors import ConfigError
from tests.analyst.service.scripted import HARMFUL, asked


def hashed(token: str) -> str:
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()


FILE = f"""
[tenants.acme]
tokens = ["{hashed("a-token")}"]
policy = "children"
[tenants.lab]
tokens = ["{hashed("b-token")}"]
review = 0.95
block = 0.99
scopes = ["moderate", "analyze", "policy-write"]
keep_text_days = 30
[tenants.probe]
tokens = ["{hashed("c-token")}"]
scopes = ["metrics"]
"""
A, B, C = ({"authorization": f"Bearer {letter}-token"} for letter in "abc")


@pytest.fixture
def tenants(tmp_path: Path) -> Tenants:
    file = tmp_path / "tokens.toml"
    file.write_text(FILE)
    file.chmod(0o600)
    return read_tenants(file)


@pytest.mark.anyio
async def test_each_tenant_is_judged_by_their_own_numbers(tmp_path: Path, tenants: Tenants) -> None:
    """`general` gives the harmful text 0.814: above its own block line of 0.7, below the laboratory's 0.95."""
    async with asked(tmp_path, tenants=tenants) as (client, _):
        found = [(await client.post("/v1/moderations", json={"input": HARMFUL}, headers=who)).json() for who in (A, B)]

    assert [each["model"] for each in found] == ["children", "general"]
    assert [each["results"][0]["instincts"]["verdict"] for each in found] == ["block", "allow"]


@pytest.mark.anyio
async def test_no_token_is_401_and_a_missing_scope_403(tmp_path: Path, tenants: Tenants) -> None:
    async with asked(tmp_path, tenants=tenants) as (client, _):
        codes = [
            (await client.post("/v1/moderations", json={"input": "x"}, headers=headers)).status_code
            for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "a-token"}, C, A)
        ]
        metrics = [(await client.get("/metrics", headers=who)).status_code for who in (A, B, C)]

    assert codes == [401, 401, 401, 403, 200]
    assert metrics == [200, 403, 200]


@pytest.mark.anyio
async def test_a_tenant_cannot_reach_anothers_trees_or_policies(tmp_path: Path, tenants: Tenants) -> None:
    mine = policy_text(read_policy("general")).replace('name = "general"', 'name = "mine"')
    toml = {"content-type": "application/toml"}
    async with asked(tmp_path, tenants=tenants) as (client, _):
        tree = (await client.post("/v1/analyze", json={"prompt": HARMFUL}, headers=B)).json()["tree_id"]
        saved = await client.put("/v1/policies/mine", content=mine, headers={**B, **toml})
        own = [(await client.get(f"/v1/trees/{tree}", headers=who)).status_code for who in (A, B)]
        named = [(await client.get("/v1/policies/mine", headers=who)).status_code for who in (A, B)]
        rescored = await client.post("/v1/rescore", json={"tree_ids": [tree], "policies": ["general"]}, headers=A)

    assert saved.status_code == 201
    assert (own, named) == ([404, 200], [404, 200])
    assert rescored.json()["missing"] == [tree]


@pytest.mark.anyio
async def test_only_who_keeps_text_has_text(tmp_path: Path, tenants: Tenants) -> None:
    async with asked(tmp_path, tenants=tenants) as (client, _):
        for who in (A, B):
            await client.post("/v1/moderations", json={"input": HARMFUL}, headers=who)

    data = b"".join(file.read_bytes() for file in tmp_path.glob("moderation.db*"))
    assert data.count(b"paper lamp") == 1
    assert data.count(b"@institution office") == 1


@pytest.mark.anyio
async def test_a_published_version_never_changes_and_a_stale_reader_is_told(tmp_path: Path) -> None:
    data = {**read_policy("general").to_data(), "name": "mine"}
    async with asked(tmp_path) as (client, _):
        first = await client.put("/v1/policies/mine", json=data)
        same = await client.put("/v1/policies/mine", json=data)
        changed = await client.put("/v1/policies/mine", json={**data, "bias": 0.0})
        stale = await client.put(
            "/v1/policies/mine", json={**data, "version": "2"}, headers={"if-match": '"' + "0" * 64 + '"'}
        )
        etag = first.headers["etag"]
        second = await client.put("/v1/policies/mine", json={**data, "version": "2"}, headers={"if-match": etag})
        typo = await client.put("/v1/policies/mine", json={**data, "biass": 0.0})
    async with asked(tmp_path) as (client, _):
        kept = (await client.get("/v1/policies/mine")).json()["version"]

    assert [each.status_code for each in (first, same, changed, stale, second, typo)] == [201, 200, 409, 412, 200, 400]
    assert "did you mean 'bias'" in typo.json()["error"]["message"]
    assert kept == "2"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tenants.a]\ntokens = []", "nobody could ask"),
        ('[tenants.a]\ntokens = ["plain"]', r"tenants\.a\.tokens\.0"),
        (f'[tenants.a]\ntokens = ["{hashed("x")}"]\nreview = 0.5', "both lines"),
        (f'[tenants.a]\ntokens = ["{hashed("x")}"]\nscope = []', "scope"),
        ("tenants = 3", r"\[tenants.NAME\]"),
        ("[tenants.a", "TOML"),
    ],
)
def test_a_token_file_that_does_not_fit_is_told(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "tokens.toml"
    file.write_text(text)
    file.chmod(0o600)

    with pytest.raises(ConfigError, match=told):
        read_tenants(file)


def test_a_token_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    file.write_text(FILE)
    file.chmod(0o644)

    with pytest.raises(ConfigError, match="chmod 600"):
        read_tenants(file)


def test_a_bucket_empties_and_fills() -> None:
    """Two at once, one every half second: the third waits 0.5 s, and after 0.5 s there is one again."""
    now = [0.0]
    buckets = Buckets(lambda: now[0])
    waits = [buckets.take("a", rate=2, burst=2) for _ in range(3)]
    now[0] = 0.5

    assert waits == [0.0, 0.0, 0.5]
    assert [buckets.take("a", rate=2, burst=2) for _ in range(2)] == [0.0, 0.5]
    assert buckets.take("b", rate=2, burst=2) == 0.0
