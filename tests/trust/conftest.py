"""The app for those who send a lot."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store.registry import Store
from tests.callers import Api
from tests.serving import serving


@pytest.fixture
async def api(mongodb_uri: str, store: Store, tmp_path: Path) -> AsyncIterator[Api]:
    """The app without limits of rate: each piece is to be met as if it were the first."""
    async with serving(tmp_path, mongodb_uri, store, development=True, user_cost_per_second=0, principal_cost_per_second=0) as api:
        yield api
