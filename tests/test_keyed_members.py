"""A keyed member is its key, and keeps its payload."""

from __future__ import annotations

import copy
import pickle

import pytest

from redset.interfaces import KeyedMember


def test_a_keyed_member_equals_its_key() -> None:
    member = KeyedMember(b"key", b"payload")
    assert member == b"key" == KeyedMember(b"key", None)
    assert b"key" in {member, b"other"}
    assert type(bytes(member)) is bytes


@pytest.mark.parametrize("payload", [b"payload", b"", None])
def test_a_copy_has_the_payload(payload: bytes | None) -> None:
    member = KeyedMember(b"key", payload)
    for same in (copy.copy(member), copy.deepcopy(member), pickle.loads(pickle.dumps(member))):  # noqa: S301  (our own)
        assert isinstance(same, KeyedMember)
        assert (same, same.payload) == (b"key", payload)
