"""The example on 0.5.1's page runs as it is, and gives what its comments say."""

from __future__ import annotations

import ast
from functools import partial
from typing import TYPE_CHECKING

import pytest
import redis

if TYPE_CHECKING:
    from tests.support.backends import Backends

EXAMPLE = """\
import json
import redis

from redset import TimeSortedSet

r = redis.Redis()
ss = TimeSortedSet(r, 'important_json_biz', serializer=json)

ss.add({'foo': 'bar1'})
ss.add({'foo': 'bar2'})
 
ss.add({'foo': 'bar3'})
ss.add({'foo': 'bar3'})

len(ss)
# 3


# ...some other process A

ss.peek()
# {'foo': 'bar1'}

ss.pop()
# {'foo': 'bar1'}


# ...meanwhile in process B (at exactly same time as A's pop)

ss.take(2)
# [{'foo': 'bar2'}, {'foo': 'bar3'}]
"""  # noqa: W293  (as it stands there)

RESULTS = [
    3,
    {"foo": "bar1"},
    {"foo": "bar1"},
    [{"foo": "bar2"}, {"foo": "bar3"}],
]

ON_MEMORY = EXAMPLE.replace("TimeSortedSet(r, ", "TimeSortedSet(connect('memory://'), ").replace(
    "import TimeSortedSet", "import TimeSortedSet, connect"
)


def commented_results(source: str) -> list[tuple[object, object]]:
    """Run a source; return the results of its expressions that comments foretell, with those."""
    lines = source.splitlines()
    names: dict[str, object] = {}
    results: list[tuple[object, object]] = []
    for statement in ast.parse(source).body:
        text = ast.unparse(statement)
        if not isinstance(statement, ast.Expr):
            exec(text, names)  # noqa: S102  (our own text)
            continue
        result = eval(text, names)  # noqa: S307  (our own text)
        below = lines[statement.end_lineno or 0]
        if below.startswith("# "):
            results.append((result, ast.literal_eval(below[2:])))
    return results


@pytest.mark.parametrize("kind", ["redis-6.2", "valkey-9.1"])
def test_example_on_a_server(
    kind: str, backends: Backends, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = backends.server(kind).port
    monkeypatch.setattr(redis, "Redis", partial(redis.Redis, port=port))
    results = commented_results(EXAMPLE)
    assert [result for result, _ in results] == RESULTS
    assert [comment for _, comment in results] == RESULTS
    with redis.Redis() as client:
        assert client.exists("important_json_biz") == 0


def test_example_on_memory() -> None:
    results = commented_results(ON_MEMORY)
    assert [result for result, _ in results] == RESULTS
    assert [comment for _, comment in results] == RESULTS
