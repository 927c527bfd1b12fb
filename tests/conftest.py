"""Fixtures that all tests share."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.support.backends import Backends

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def backends() -> Iterator[Backends]:
    """Give all kinds of backends, each opened when it is first used."""
    with Backends() as opened:
        yield opened


@pytest.fixture
def name() -> str:
    """Return a name for a set that no other test uses."""
    return f"test-{uuid.uuid4().hex}"
