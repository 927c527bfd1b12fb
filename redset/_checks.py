"""Checks of arguments: all fail before any input or output, naming value and remedy."""

from __future__ import annotations

import inspect
import math
import reprlib
from contextlib import suppress
from types import FunctionType
from typing import TYPE_CHECKING, Final, TypeVar, cast

from redset._chunks import CHUNK
from redset._dunders import AsyncCollectionOperators, CollectionOperators
from redset._slots import is_tagged
from redset.exceptions import ScoreError
from redset.interfaces import Aggregate, Merge, Payload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import SupportsFloat, SupportsInt

__all__ = [
    "check_aggregate",
    "check_delay",
    "check_duration",
    "check_each",
    "check_fraction",
    "check_identity",
    "check_items",
    "check_iterable",
    "check_key",
    "check_key_function",
    "check_keyed_name",
    "check_lease",
    "check_limit",
    "check_max_attempts",
    "check_max_items",
    "check_merge",
    "check_moment",
    "check_name",
    "check_num",
    "check_part",
    "check_payload",
    "check_prefetch",
    "check_reason",
    "check_replicas",
    "check_retry",
    "check_score",
    "check_scorer",
    "check_scores",
    "check_sets",
    "check_sharded_name",
    "check_shards",
    "check_start",
    "check_timeout",
    "check_weights",
]

T = TypeVar("T")

# The longest lease or delay in seconds, about 30 years: servers must be able to count it in ms.
_AGES = 1e9
# The last time that servers are sure to count, in unix seconds: about the year 5000.
_DOOM = 1e11
_NUMBERS: Final = frozenset({float, int})
# The slots of a cluster are 16 times as many.
_MOST_SHARDS = 1024


def check_name(name: object) -> str:
    """Return the name of a set, which must be text that UTF-8 can hold."""
    if not isinstance(name, str):
        remedy = "decode it" if isinstance(name, bytes) else "the store comes first, then the name"
        # Shortened, as that of a client is long.
        message = f"the name of a set is a str, not {reprlib.repr(name)}: {remedy}"
        raise TypeError(message)
    if not name:
        message = "the name of a set is '', but must not be empty: it is the key in the store"
        raise ValueError(message)
    try:
        name.encode()
    except UnicodeEncodeError as error:
        message = f"the name {name!r} cannot be encoded as UTF-8: choose another"
        raise ValueError(message) from error
    return name


def check_keyed_name(name: object) -> str:
    """Return the name of a set with keys, beside which its payloads must have room."""
    checked = check_name(name)
    is_tagged(checked)  # this is the check
    return checked


def check_score(score: object, of: str = "a score") -> float:
    """Return a score as a float; it must be a number."""
    if type(score) is float and score == score:  # noqa: PLR0124  (NaN alone differs from itself)
        return score
    try:
        if isinstance(score, (str, bytes)):
            raise TypeError  # noqa: TRY301  (float() would parse it)
        number = float(cast("SupportsFloat", score))  # this is the check
    except TypeError:
        message = f"{of} is a number, not {score!r}: {_to_number(score)}"
        raise TypeError(message) from None
    except OverflowError:
        message = f"{of} must fit a float, unlike {score!r}: use math.inf"
        raise ScoreError(message) from None
    if math.isnan(number):
        message = f"{of} must not be {number!r}, which is neither before nor after any number"
        raise ScoreError(message)
    return number


def _to_number(value: object) -> str:
    if hasattr(value, "timestamp"):  # a datetime
        return "use its timestamp()"
    if hasattr(value, "total_seconds"):  # a timedelta
        return "use its total_seconds(); for a time, add them to time.time()"
    return "convert it with float()"


def check_scores(scores: Sequence[object]) -> list[float]:
    """Return scores as floats; see `check_score`."""
    if set(map(type, scores)) <= _NUMBERS:
        with suppress(OverflowError):
            numbers = list(map(float, cast("Sequence[float]", scores)))
            if not any(map(math.isnan, numbers)):
                return numbers
    return list(map(check_score, scores))


def check_timeout(timeout: object, of: str = "timeout") -> float | None:
    """Return how long to wait in seconds, None for ever."""
    if timeout is None:
        return None
    if timeout == 0.0:
        return 0.0
    seconds = check_score(timeout, of)
    if seconds < 0:
        message = f"{of} is {timeout!r}, but must not be below 0: use None to wait for ever"
        raise ValueError(message)
    return None if seconds == math.inf else seconds


def check_duration(seconds: object, of: str, least: float = 0.0) -> float:
    """Return a length of time in seconds, which must be above 0 and at least ``least``."""
    number = check_score(seconds, of)
    if number <= 0 or number < least:
        bound = f"at least {least}" if least else "above 0"
        message = f"{of} is {seconds!r}, but must be {bound} seconds"
        raise ValueError(message)
    return number


def check_lease(lease: object) -> float:
    """Return how many seconds a claim lasts."""
    seconds = check_duration(lease, "lease", least=0.001)
    return _check_finite(seconds, "lease", "extend() it, or claim with keep_alive=True")


def check_delay(delay: object, of: str = "delay") -> float:
    """Return for how many seconds something is put off, which may be none."""
    seconds = check_score(delay, of)
    if seconds < 0:
        message = f"{of} is {delay!r}, but must not be below 0 seconds"
        raise ValueError(message)
    return _check_finite(seconds, of, "use a number of seconds")


def check_moment(when: object) -> float:
    """Return a time in unix seconds, which may have passed."""
    number = check_score(when, "when")
    if not -_DOOM <= number <= _DOOM:
        message = (
            f"when is {when!r}, but must be unix seconds within {_DOOM:g} of 1970, as "
            "time.time() + 3600 is: use persist() for never"
        )
        raise ValueError(message)
    return number


def check_fraction(fraction: object, of: str) -> float:
    """Return a part of a whole, from 0 to 1."""
    number = check_score(fraction, of)
    if not 0 <= number <= 1:
        message = f"{of} is {fraction!r}, but must be from 0 (none) to 1 (all)"
        raise ValueError(message)
    return number


def check_max_attempts(max_attempts: object) -> int:
    """Return how often an item is tried, which must be at least once."""
    must = "be at least 1, or None for no end"
    return _check_whole(max_attempts, "max_attempts", must, least=1)


def check_max_items(max_items: object) -> int:
    """Return how many items a buffer holds, which must be at least one."""
    return _check_whole(max_items, "max_items", "be at least 1", least=1)


def check_reason(reason: object) -> str:
    """Return why an item is given up."""
    if not isinstance(reason, str):
        message = f"reason is a str, not {reason!r}: say why, str(error) will do"
        raise TypeError(message)
    return reason


def check_retry(retry: object) -> None:
    """Raise `TypeError` unless this is None or a `Retry`."""
    from redset.retry import Retry  # which checks its arguments here

    if retry is not None and not isinstance(retry, Retry):
        message = f"retry is {retry!r}, but must be a Retry, as redset.Retry(max_attempts=5) is"
        raise TypeError(message)


def _check_finite(seconds: float, of: str, remedy: str) -> float:
    if seconds > _AGES:
        message = f"{of} is {seconds!r}, but must be at most {_AGES:g} seconds: {remedy}"
        raise ValueError(message)
    return seconds


def check_num(num: object, of: str = "num") -> int:
    """Return a number of items, which must be whole."""
    try:
        whole = int(cast("SupportsInt", num))  # this is the check
    except (TypeError, ValueError, OverflowError):
        whole = None
    if whole is None or whole != num:
        remedy = "round it" if hasattr(num, "__round__") else "give an int"
        message = f"{of} is a whole number, not {num!r}: {remedy}"
        raise TypeError(message)
    return int(whole)


def _check_whole(value: object, of: str, must: str, *, least: int, most: float = math.inf) -> int:
    number = check_num(value, of)
    if not least <= number <= most:
        message = f"{of} is {value!r}, but must {must}"
        raise ValueError(message)
    return number


def check_prefetch(prefetch: object) -> int:
    """Return how many items to claim ahead, which must be what one call can claim."""
    must = f"be from 1, for none, to {CHUNK}"
    return _check_whole(prefetch, "prefetch", must, least=1, most=CHUNK)


def check_replicas(replicas: object) -> int:
    """Return how many replicas to wait for, which may be none."""
    must = "not be below 0: use 0 to wait for none"
    return _check_whole(replicas, "wait_replicas", must, least=0)


def check_shards(shards: object) -> int:
    """Return over how many names a set is spread, which must be at least one."""
    must = f"be from 1 to {_MOST_SHARDS}"
    return _check_whole(shards, "shards", must, least=1, most=_MOST_SHARDS)


def check_sharded_name(name: object) -> str:
    """Return the name of a sharded set, which must not have a part that decides on the slot."""
    checked = check_name(name)
    if "{" in checked or "}" in checked:
        message = (
            f"the name {name!r} has braces, which would put all shards into one slot: leave "
            "them out"
        )
        raise ValueError(message)
    return checked


def check_start(start: object) -> int:
    """Return a position to start from, which must not be below 0."""
    return _check_whole(start, "start", "not be below 0: the oldest is at 0", least=0)


def check_limit(limit: object) -> int:
    """Return the cap of the dead letters, which must be at least 1."""
    must = "be at least 1: dead letters are kept"
    return _check_whole(limit, "dead_limit", must, least=1)


def check_merge(merge: object) -> Merge:
    """Return the merge rule, which must be one of `Merge`."""
    if not isinstance(merge, Merge):
        message = f"merge is {merge!r}, but must be one of {', '.join(map(str, Merge))}"
        raise TypeError(message)
    return merge


def check_aggregate(aggregate: object) -> Aggregate:
    """Return how scores are combined, which must be one of `Aggregate`."""
    if not isinstance(aggregate, Aggregate):
        message = f"aggregate is {aggregate!r}, but must be one of {', '.join(map(str, Aggregate))}"
        raise TypeError(message)
    return aggregate


def check_weights(weights: Iterable[object], count: int) -> tuple[float, ...]:
    """Return as many weights as there are sets; none of them infinite."""
    numbers = tuple(
        check_score(weight, "a weight") for weight in check_items(weights, "of weights")
    )
    if len(numbers) != count:
        message = (
            f"weights is {weights!r}, but there are {count} sets: give a number for each, the "
            "first for the set itself"
        )
        raise ValueError(message)
    for number in numbers:
        if math.isinf(number):
            message = f"a weight is {number!r}, but must be finite, as all scores would be lost"
            raise ValueError(message)
    return numbers


def check_each(given: Iterable[T], kind: type[T], remedy: str) -> Iterator[T]:
    """Give what an iterable has, all of which must be of one kind."""
    for each in check_items(given, f"of {kind.__name__}s"):
        if not isinstance(each, kind):
            message = f"{each!r} is no {kind.__name__}: {remedy}"
            raise TypeError(message)
        yield each


def check_items(given: Iterable[T], of: str = "of items") -> Iterable[T]:
    """Raise `TypeError` unless this is an iterable; it may be a set that is to be read."""
    try:
        iter(given)
    except TypeError:
        message = f"{given!r} is no iterable {of}: {_to_iterable(given)}"
        raise TypeError(message) from None
    return given


def check_iterable(given: Iterable[T]) -> Iterable[T]:
    """Raise `TypeError` unless items can be had of this, without a wait."""
    try:
        if isinstance(given, CollectionOperators):
            raise TypeError  # noqa: TRY301  (a blocking set, where one for asyncio belongs)
        iter(given)
    except TypeError:
        message = f"{given!r} is neither a set of this kind nor an iterable of items"
        message = f"{message}: {_to_iterable(given)}"
        raise TypeError(message) from None
    return given


def _to_iterable(given: object) -> str:
    if isinstance(given, AsyncCollectionOperators):
        return "read it by async for, or combine it with sets for asyncio"
    if isinstance(given, CollectionOperators):
        return "read it beforehand, or combine it with blocking sets"
    return "put one in a list"


def check_sets(sets: Iterable[T]) -> list[T]:
    """Return sets to choose from as a list; one set is not a list of its items."""
    if isinstance(sets, CollectionOperators) or not hasattr(sets, "__iter__"):
        message = f"{sets!r} is no list of sets: put one in a list"
        raise TypeError(message)
    return list(sets)


def check_scorer(scorer: object) -> None:
    """Raise `TypeError` unless this is None or can be called."""
    if scorer is not None and not callable(scorer):
        message = f"scorer is {scorer!r}, but must be callable with an item, as len is"
        raise TypeError(message)


def check_key_function(key: object) -> None:
    """Raise `TypeError` unless this is None or can be called."""
    if key is not None and not callable(key):
        message = f"key is {_shown(key)}, but must be callable with an item: lambda item: item.url"
        raise TypeError(message)


def check_payload(payload: object, *, is_keyed: bool) -> None:
    """Raise `TypeError` unless this is None or, in a keyed set, one of `Payload`."""
    if payload is None:
        return
    if not isinstance(payload, Payload):
        message = f"payload is {payload!r}, but must be one of {', '.join(map(str, Payload))}"
        raise TypeError(message)
    if not is_keyed:
        message = f"payload is {payload}, but there is no key: pass key=, or leave payload= out"
        raise TypeError(message)


def check_identity(serializer: object, *, is_keyed: bool) -> None:
    """Raise `TypeError` if the bytes of an item would be its identity, and are not meant to be."""
    if not is_keyed and getattr(serializer, "needs_key", False):
        message = (
            f"{serializer!r} gives equal items different bytes, so each would be another: "
            "pass key=, as in key=lambda item: item.url"
        )
        raise TypeError(message)


def check_key(key: object) -> bytes:
    """Return the key of an item as bytes."""
    if isinstance(key, bytes):
        return key
    if isinstance(key, str):
        try:
            return key.encode()
        except UnicodeEncodeError as error:
            message = f"the key {key!r} cannot be encoded as UTF-8: give bytes, or another key"
            raise ValueError(message) from error
    message = f"the key of an item is str or bytes, not {key!r}: wrap it in str()"
    raise TypeError(message)


def _shown(argument: object) -> str:
    """Return an argument for a message, unless it may be a key to sign with in the wrong place."""
    return "of bytes" if isinstance(argument, (bytes, bytearray)) else repr(argument)


def check_part(part: object, of: str, *methods: str) -> None:
    """Raise `TypeError` unless all the methods are there, to be called with one argument."""
    for method in methods:
        found: Callable[..., object] | None = getattr(part, method, None)
        if not callable(found):
            message = (
                f"{of} {_shown(part)} has no {method}(): it needs {' and '.join(methods)}, "
                "as the module json has"
            )
            raise TypeError(message)
        if isinstance(part, type) and not _takes_one(found):
            # Each item that is taken would be dead, for the mistake of who takes it.
            message = f"{of} {part!r} is a class, whose {method}() needs an instance: make one"
            raise TypeError(message)


def _takes_one(function: Callable[..., object]) -> bool:
    if not isinstance(function, FunctionType):  # such as int and str
        return True
    try:
        inspect.signature(function).bind(b"")
    except TypeError:
        return False
    return True
