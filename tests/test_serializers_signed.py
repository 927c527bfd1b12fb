"""Signatures: what they let through, and what they do not."""

from __future__ import annotations

import hashlib
import hmac
import json
import pickle
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redset.exceptions import RedsetError, SignatureError
from redset.serializers import JSONSerializer, PickleSerializer, SignedSerializer, StringSerializer

if TYPE_CHECKING:
    from redset.interfaces import Serializer

OLD = b"the old key, long enough"
NEW = b"the new key, long enough"
TEXT = st.text(st.characters(codec="utf-8"))
KEYS = st.lists(st.binary(min_size=16, max_size=40), min_size=1, max_size=3)


class Digits:
    """A serializer that is a class, as small as can be."""

    loads = int
    dumps = str


class Spy:
    """Notes all that it is given to read."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def dumps(self, item: str) -> str:
        return item

    def loads(self, data: bytes) -> str:
        self.seen.append(data)
        return data.decode()


@given(TEXT, KEYS, st.binary())
def test_items_come_back(item: str, keys: list[bytes], salt: bytes) -> None:
    serializer = SignedSerializer(StringSerializer(), *keys, salt=salt)
    assert serializer.loads(serializer.dumps(item)) == item


@given(st.dictionaries(TEXT, st.integers(), max_size=5))
def test_equal_items_give_equal_bytes(item: dict[str, int]) -> None:
    serializer = SignedSerializer(JSONSerializer[dict[str, int]](), OLD)
    assert serializer.dumps(dict(reversed(item.items()))) == serializer.dumps(item)


@given(TEXT, st.data())
def test_a_change_of_any_bit_is_noticed(item: str, data: st.DataObject) -> None:
    spy = Spy()
    serializer = SignedSerializer(spy, OLD, NEW)
    signed = bytearray(serializer.dumps(item))
    signed[data.draw(st.integers(0, len(signed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SignatureError, match="does not fit any of the keys"):
        serializer.loads(bytes(signed))
    assert spy.seen == []


@given(st.binary(max_size=80))
def test_foreign_data_never_reaches_the_inner_serializer(data: bytes) -> None:
    spy = Spy()
    with pytest.raises(SignatureError):
        SignedSerializer(spy, OLD).loads(data)
    assert spy.seen == []


def test_a_pickle_that_runs_code_is_not_run() -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (pytest.fail, ("the pickle was run",))

    with pytest.raises(SignatureError):
        SignedSerializer(PickleSerializer(), OLD).loads(bytes(32) + pickle.dumps(Evil()))


def test_the_form_is_the_signature_then_the_payload() -> None:
    key = hmac.new(OLD, b"redset.SignedSerializer\0jobs", hashlib.sha256).digest()
    expected = hmac.new(key, b"a", hashlib.sha256).digest() + b"a"
    assert SignedSerializer(StringSerializer(), OLD, salt=b"jobs").dumps("a") == expected


def test_a_signature_error_is_what_callers_may_expect() -> None:
    assert issubclass(SignatureError, RedsetError)
    assert issubclass(SignatureError, ValueError)


@pytest.mark.parametrize(
    "inner", [json, pickle, JSONSerializer()], ids=["json", "pickle", "object"]
)
def test_modules_and_objects_can_be_signed(inner: Serializer[object]) -> None:
    serializer = SignedSerializer(inner, OLD)
    assert serializer.loads(serializer.dumps(["a", 1])) == ["a", 1]


def test_a_class_can_be_signed() -> None:
    serializer = SignedSerializer(Digits, OLD)
    assert serializer.dumps(42)[32:] == b"42"
    assert serializer.loads(serializer.dumps(42)) == 42


def test_it_can_be_signed_twice() -> None:
    serializer = SignedSerializer(SignedSerializer(StringSerializer(), OLD), NEW)
    assert serializer.loads(serializer.dumps("a")) == "a"


class TestRotation:
    def test_the_first_key_signs_and_all_verify(self) -> None:
        old = SignedSerializer(StringSerializer(), OLD)
        during = SignedSerializer(StringSerializer(), NEW, OLD)
        new = SignedSerializer(StringSerializer(), NEW)
        assert during.loads(old.dumps("a")) == "a"
        assert new.loads(during.dumps("a")) == "a"
        with pytest.raises(SignatureError):
            new.loads(old.dumps("a"))

    def test_another_first_key_makes_another_member(self) -> None:
        old = SignedSerializer(StringSerializer(), OLD, NEW)
        new = SignedSerializer(StringSerializer(), NEW, OLD)
        assert old.dumps("a") != new.dumps("a")

    def test_data_of_another_purpose_is_refused(self) -> None:
        jobs = SignedSerializer(StringSerializer(), OLD, salt=b"jobs")
        mail = SignedSerializer(StringSerializer(), OLD, salt=b"mail")
        plain = SignedSerializer(StringSerializer(), OLD)
        for other in (mail, plain):
            with pytest.raises(SignatureError):
                other.loads(jobs.dumps("a"))


class TestArguments:
    def test_without_a_key(self) -> None:
        with pytest.raises(ValueError, match=r"needs a key: pass secrets.token_bytes\(32\)"):
            SignedSerializer(StringSerializer())

    def test_with_a_key_that_is_too_short(self) -> None:
        with pytest.raises(ValueError, match="key 2 has 15 bytes, but needs 16") as info:
            SignedSerializer(StringSerializer(), OLD, b"s3cret" + bytes(9))
        assert "s3cret" not in str(info.value)

    def test_with_a_key_that_is_text(self) -> None:
        with pytest.raises(TypeError, match="key 1 is a str, but must be bytes") as info:
            SignedSerializer(StringSerializer(), cast("bytes", "s3cret and long enough"))
        assert "s3cret" not in str(info.value)

    def test_with_a_key_in_the_place_of_the_serializer(self) -> None:
        with pytest.raises(TypeError, match=r"a bytes, has no dumps\(\): pass one first") as info:
            SignedSerializer(cast("Serializer[str]", OLD), OLD)
        assert "old key" not in str(info.value)

    def test_with_a_salt_that_is_text(self) -> None:
        with pytest.raises(TypeError, match="salt is a str, but must be bytes: encode it"):
            SignedSerializer(StringSerializer(), OLD, salt=cast("bytes", "jobs"))

    def test_with_an_inner_serializer_that_gives_no_bytes(self) -> None:
        class Odd:
            loads = int

            def dumps(self, item: int) -> bytes:
                return cast("bytes", item)

        with pytest.raises(TypeError, match="gave a int, not bytes or str"):
            SignedSerializer(Odd(), OLD).dumps(5)

    def test_the_repr_shows_no_key(self) -> None:
        text = repr(SignedSerializer(StringSerializer(), OLD, NEW, salt=b"jobs"))
        assert text == "SignedSerializer(StringSerializer(), <2 keys>, salt=b'jobs')"
