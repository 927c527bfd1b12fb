"""Nothing is needed but Python and typing-extensions until something else is asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

# Stands for packages that are not installed.
MISSING = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"redis", "valkey", "fakeredis", "msgpack", "msgspec"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""


def run(source: str) -> str:
    """Return what a Python without the optional packages prints for a source."""
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", MISSING + dedent(source)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_import_loads_nothing_but_the_standard_library() -> None:
    source = """
        import json, sys

        before = set(sys.modules)
        import redset, redset.serializers, redset.backends, redset.interfaces, redset.exceptions

        loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
        print(json.dumps(sorted(loaded - sys.stdlib_module_names)))
    """
    assert json.loads(run(source)) == ["redset", "typing_extensions"]


def test_sets_work_in_memory() -> None:
    source = """
        import json
        from redset import ScheduledSet, SortedSet, TTLSet, TimeSortedSet, connect
        from redset.serializers import JSONSerializer

        with connect("memory://") as backend:
            jobs = SortedSet(backend, "jobs", serializer=json)
            jobs.add({"n": 2}, 2), jobs.add({"n": 1}, 1), jobs.add({"n": 2}, 3)
            print(len(jobs), jobs.take(5))
            news = TimeSortedSet(backend, "news", serializer=JSONSerializer())
            news.add(["first"]), news.add(["second"])
            print(news.pop(), news.pop())
            polls = ScheduledSet(backend, "polls")
            polls.add("now"), polls.add("never", float("inf"))
            print(polls.take(5), len(polls))
            seen = TTLSet(backend, "seen", ttl=60)
            print(seen.add("a"), seen.add("a"))
            with jobs.lock:
                print("locked")
    """
    assert run(source).splitlines() == [
        "2 [{'n': 1}, {'n': 2}]",
        "['first'] ['second']",
        "['now'] 1",
        "True False",
        "locked",
    ]


def test_asyncio_sets_work_in_memory() -> None:
    source = """
        import asyncio
        from redset import AsyncSortedSet, connect_async

        async def main():
            async with connect_async("memory://") as backend:
                jobs = AsyncSortedSet(backend, "jobs")
                await jobs.add("b"), await jobs.add("a")
                print(await jobs.take(5))

        asyncio.run(main())
    """
    assert run(source) == "['a', 'b']\n"


@pytest.mark.parametrize("function", ["connect", "connect_async"])
@pytest.mark.parametrize(
    "scheme",
    ["redis", "rediss", "valkey", "unix", "redis+cluster", "rediss+sentinel"],
)
def test_a_server_needs_the_extra(function: str, scheme: str) -> None:
    place = "/tmp/redis.sock" if scheme == "unix" else "localhost:6379/0"  # noqa: S108  (not opened)
    source = f"""
        from redset import {function}
        from redset.exceptions import MissingDependencyError

        try:
            {function}("{scheme}://:secret@{place}")
        except MissingDependencyError as error:
            assert isinstance(error, ImportError)
            print(error)
    """
    message = f"{scheme}:// needs the package redis: pip install 'redset[redis]'\n"
    assert run(source) == message


@pytest.mark.parametrize(
    ("make", "package", "extra"),
    [
        ("MsgpackSerializer()", "msgpack", "redset[msgpack]"),
        ("DataclassSerializer(Task)", "msgspec", "redset[dataclass]"),
    ],
)
def test_serializers_need_their_extras(make: str, package: str, extra: str) -> None:
    source = f"""
        from dataclasses import dataclass
        from redset.exceptions import MissingDependencyError
        from redset.serializers import DataclassSerializer, MsgpackSerializer

        @dataclass
        class Task:
            url: str

        try:
            {make}
        except MissingDependencyError as error:
            print(error)
    """
    message = run(source)
    assert f"needs {package}" in message
    assert f"pip install '{extra}'" in message
