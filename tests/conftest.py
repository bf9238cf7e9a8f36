"""What every test stands on: no network, no account, one thread, and the public files only where they are present."""

import os

# Before any import: libraries read these once. Tests share the machine, so each takes one thread.
os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS="1")
for name in list(os.environ):
    offline = name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")
    personal = name.startswith(("HF_", "HUGGING", "INSPECT_")) or name.lower().endswith(
        ("_proxy", "_api_key", "_token")
    )
    if personal and not offline:
        del os.environ[name]

from pathlib import Path  # noqa: E402 - the environment above must be set first

import pytest  # noqa: E402

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of public benchmark files beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the public benchmark files are not beside this checkout (../shared/data)")
    return SHARED_DATA


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, as Inspect does."""
    return "asyncio"
