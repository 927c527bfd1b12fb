"""Sets pass between this version and 0.5.1, each in an environment of its own.

    python -m tests.compatibility.interop

Installs redset 0.5.1 and redis-py 2.10.6 into a temporary directory, starts servers, and lets
both versions fill, read and drain the same sets. Prints what was exchanged; ends with an
exception where something differs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import redis

import redset
from tests.compatibility import exchange
from tests.support.servers import Server

if TYPE_CHECKING:
    from tests.support.servers import Kind

OLD: Final = ["redset==0.5.1", "redis==2.10.6"]
KINDS: Final[list[Kind]] = ["redis-6.2", "valkey-9.1"]
NUM: Final = 1000
SHARED: Final = 5000

_ROOT: Final = Path(__file__).parents[2]


class DifferenceError(Exception):
    """The two versions do not agree."""


class Side:
    """One version of redset: a Python that has it installed."""

    def __init__(self, python: Path, versions: tuple[str, str], port: int) -> None:
        """Take the Python, the versions of redset and redis-py in it, and the server's port."""
        self.python: Final = python
        self.versions: Final = list(versions)
        self.port: Final = port

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start one step of an exchange."""
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        if self.versions[0] == redset.__version__:
            environment["PYTHONPATH"] = str(_ROOT)
        return subprocess.Popen(
            [str(self.python), exchange.__file__, str(self.port), *words],
            cwd=self.python.parent,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def end(self, process: subprocess.Popen[str]) -> Any:
        """Return the result of a step."""
        output, _ = process.communicate("go\n")
        if process.returncode:
            message = f"redset {self.versions[0]} failed, see above"
            raise DifferenceError(message)
        *versions, result = json.loads(output)
        same("versions", versions, self.versions)
        return result

    def do(self, *words: str) -> Any:
        """Do one step of an exchange and return its result."""
        return self.end(self.start(*words))


def same(what: str, one: object, other: object) -> None:
    """Raise `DifferenceError` unless both are equal."""
    if one != other:
        message = f"{what} differ:\n{one!r:.2000}\n{other!r:.2000}"
        raise DifferenceError(message)


def install(directory: Path) -> Path:
    """Install 0.5.1 and what it ran with; return the Python that has it."""
    venv.create(directory, with_pip=True)
    python = directory / ("Scripts" if os.name == "nt" else "bin") / "python"
    # redis-py 2.10.6 needs distutils, which Python 3.12 has left to setuptools.
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    subprocess.run([*pip, "setuptools<81", *OLD], check=True)
    return python


def hand_over(writer: Side, reader: Side, client: redis.Redis, kind: str, serializer: str) -> None:
    """Let one side fill a set and the other read and drain it."""
    words = ["interop", kind, serializer]
    items = exchange.make_items(serializer, NUM)
    scores = writer.do(*words, "fill", str(NUM))
    same("keys", list(client.scan_iter()), [b"interop"])

    raw: Any = client.zrange("interop", 0, -1, withscores=True)
    later = exchange.LATER if kind == "ScheduledSet" else 0
    due = NUM - later
    stored = [decode(member, serializer) for member, _ in raw]
    same("stored items", sorted(map(repr, stored)), sorted(map(repr, as_json(items))))

    length, available, found, read_scores, *peeked = reader.do(*words, "read", str(NUM))
    same("lengths", [length, available], [NUM, due])
    same("found items", found, [True] * NUM)
    same("scores", read_scores, scores)
    same("peeked items", peeked, [stored[0], stored[5], raw[0][1]])
    same("taken items, in order", reader.do(*words, "drain", str(NUM)), stored[:due])
    same("items left", client.zrange("interop", 0, -1, withscores=True), raw[due:])
    client.delete("interop")
    same("keys left", list(client.scan_iter()), [])
    print(
        f"  {writer.versions[0]} to {reader.versions[0]}  {kind:13} {serializer:10} "
        f"{NUM} added, {sum(found)} found, {due} taken in order, {later} not due"
    )


def decode(member: bytes, serializer: str) -> Any:
    """Read a member with neither version."""
    if serializer == "default":
        return member.decode()
    item = json.loads(member)
    return list(item.values()) if serializer == "namedtuple" else item


def as_json(items: list[Any]) -> Any:
    """Return items as they come out of the other process: tuples as lists."""
    return json.loads(json.dumps(items))


def merge(old: Side, new: Side, client: redis.Redis, kind: str, serializer: str) -> None:
    """Let both sides add the same items, and then take them at the same time."""
    words = ["interop", kind, serializer]
    for side in (old, new, old):
        side.do(*words, "fill", str(SHARED))
    length = client.zcard("interop")
    same("items kept of those added by both", length, SHARED)
    sides = [old, new, old, new]
    takers = [side.start(*words, "share", str(SHARED)) for side in sides]
    for taker in takers:
        assert taker.stdout is not None
        taker.stdout.readline()
    for taker in takers:
        assert taker.stdin is not None
        taker.stdin.write("go\n")
        taker.stdin.flush()
    taken = [side.end(taker) for side, taker in zip(sides, takers, strict=True)]
    items = as_json(exchange.make_items(serializer, SHARED))
    everything = [repr(item) for part in taken for item in part]
    same("items taken by both", sorted(everything), sorted(map(repr, items)))
    same("keys left", list(client.scan_iter()), [])
    shares = [len(taken[0]) + len(taken[2]), len(taken[1]) + len(taken[3])]
    print(
        f"  both at once    {kind:13} {serializer:10} {SHARED} added by each, {length} kept, "
        f"each taken once: {shares[0]} by 0.5.1, {shares[1]} by {new.versions[0]}"
    )


def main() -> None:
    """Run the whole exchange."""
    with tempfile.TemporaryDirectory(prefix="redset-") as directory:
        python = install(Path(directory))
        for server_kind in KINDS:
            with Server(server_kind) as server, closing(redis.Redis(port=server.port)) as client:
                print(server_kind)
                old = Side(python, ("0.5.1", "2.10.6"), server.port)
                new = Side(
                    Path(sys.executable), (redset.__version__, redis.__version__), server.port
                )
                for kind in exchange.CLASSES:
                    for serializer in exchange.SERIALIZERS:
                        hand_over(old, new, client, kind, serializer)
                        hand_over(new, old, client, kind, serializer)
                # 0.5.1 takes from a ScheduledSet in two steps under a lock of its own, which
                # nobody else knows of: there, both must not take at the same time.
                for kind in exchange.CLASSES[:2]:
                    for serializer in exchange.SERIALIZERS:
                        merge(old, new, client, kind, serializer)
    print("all the same")


if __name__ == "__main__":
    main()
