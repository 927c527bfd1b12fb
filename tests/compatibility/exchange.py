"""One side of an exchange between two versions of redset.

Run by path, under a Python that has either version: what is here works with both of them.

    exchange.py PORT NAME CLASS SERIALIZER fill|read|drain|share NUM
"""

import json
import sys
import time
from collections import namedtuple
from typing import TYPE_CHECKING, Any

import redis

import redset
from redset.serializers import NamedtupleSerializer

if TYPE_CHECKING:
    from collections.abc import Callable

CLASSES = ["SortedSet", "TimeSortedSet", "ScheduledSet"]
SERIALIZERS = ["default", "json", "namedtuple"]

# How many items of a ScheduledSet are not due.
LATER = 5

Task = namedtuple("Task", ["url", "depth", "tags"])  # noqa: PYI024  (what 0.5.1's users wrote)


def make_items(serializer: str, num: int) -> list[Any]:
    """Return different items, the last of them falsy where there are such."""
    words = ["cat", "café", "日本", 'a "b"\n', "\U0001f600"]
    texts = [f"{words[i % len(words)]} {i}" for i in range(num)]
    if serializer == "default":
        return [*texts[:-1], ""]
    if serializer == "json":
        dicts = [{"url": text, "n": {"z": i / 7, "a": [i, None]}} for i, text in enumerate(texts)]
        return [*dicts[:-4], {}, [], 0, ""]
    return [Task(text, i, [i / 7, True]) for i, text in enumerate(texts)]


def make_scores(num: int, *, schedule: bool) -> list[float]:
    """Return scores out of order, each three times, that need all of a float's digits."""
    start = time.time() - 10 * num if schedule else -12.3
    scores = [start + i * 7919 % (num // 3) / 7 for i in range(num)]
    # 0.5.1's pop() drops falsy items, so these come when everything is taken by take().
    scores[-4:] = [start + num + i for i in range(4)]
    if schedule:
        scores[:LATER] = [start + 20 * num] * LATER
    return scores


def make_set(port: int, name: str, kind: str, serializer: str) -> Any:
    """Return a set of the redset that is installed here."""
    serializers = {"default": None, "json": json, "namedtuple": NamedtupleSerializer(Task)}
    cls = getattr(redset, kind)
    return cls(redis.Redis(port=port), name, serializer=serializers[serializer])


def fill(s: Any, items: list[Any]) -> list[float]:
    """Add all items twice; return their scores."""
    if type(s).__name__ == "TimeSortedSet":
        for item in items:
            s.add(item)
        return [s.add(item) for item in items]
    scores = make_scores(len(items), schedule=type(s).__name__ == "ScheduledSet")
    for item in items:
        s.add(item, 1)
    return [s.add(item, score) for item, score in zip(items, scores, strict=True)]


def read(s: Any, items: list[Any]) -> list[Any]:
    """Return how many items there are and can be taken, what is known of each, what is first."""
    available = s.available() if type(s).__name__ == "ScheduledSet" else len(s)
    found = [item in s for item in items]
    scores = [s.score(item) for item in items]
    return [len(s), available, found, scores, s.peek(), s.peek(5), s.peek_score()]


def drain(s: Any, num: int) -> list[Any]:
    """Take all items: half of them one by one, the others by the dozen."""
    taken = [s.pop() for _ in range(num // 2)]
    while some := s.take(12):
        taken += some
    return taken


def share(s: Any) -> list[Any]:
    """Take items, when told to start, for as long as there are some."""
    len(s)
    print("ready", flush=True)
    sys.stdin.readline()
    taken = []
    while some := s.take(5):
        taken += some
    return taken


def main(arguments: list[str]) -> None:
    """Do one step; print the version and the result as JSON."""
    port, name, kind, serializer, step, num = arguments
    s = make_set(int(port), name, kind, serializer)
    items = make_items(serializer, int(num))
    steps: dict[str, Callable[[], list[Any]]] = {
        "fill": lambda: fill(s, items),
        "read": lambda: read(s, items),
        "drain": lambda: drain(s, len(items)),
        "share": lambda: share(s),
    }
    print(json.dumps([redset.__version__, redis.__version__, steps[step]()]))


if __name__ == "__main__":
    main(sys.argv[1:])
