"""A keyed member is its key, and keeps its payload; views of one store are told apart by rule."""

from __future__ import annotations

import copy
import pickle

import pytest

from redset.backends import AsyncMemoryBackend, MemoryBackend
from redset.interfaces import KeyedMember, Payload


def test_a_keyed_member_equals_its_key() -> None:
    member = KeyedMember(b"key", b"payload")
    assert member == b"key" == KeyedMember(b"key", None)
    assert hash(member) == hash(b"key")
    assert type(bytes(member)) is bytes


@pytest.mark.parametrize("payload", [b"payload", b"", None])
def test_a_copy_has_the_payload(payload: bytes | None) -> None:
    member = KeyedMember(b"key", payload)
    for same in (copy.copy(member), copy.deepcopy(member), pickle.loads(pickle.dumps(member))):  # noqa: S301  (our own)
        assert isinstance(same, KeyedMember)
        assert (same, same.payload) == (b"key", payload)


@pytest.mark.parametrize("kind", [MemoryBackend, AsyncMemoryBackend])
def test_views_are_equal_if_store_and_rule_are(
    kind: type[MemoryBackend | AsyncMemoryBackend],
) -> None:
    store = kind()
    views = {store.keyed(Payload.NEWEST), store.keyed(Payload.FIRST).keyed(Payload.NEWEST)}
    assert views == {store.keyed(Payload.NEWEST)}
    assert store.keyed(Payload.FIRST) not in views
    assert kind().keyed(Payload.NEWEST) not in views
    assert store not in views
