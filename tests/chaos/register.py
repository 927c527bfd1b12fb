"""What was done, written down where nothing disturbs it.

The register stands for a database that work is done on, guarded by fencing tokens. It has a
server of its own and no proxy before it. All times are by its clock, which is that of the
set's server, too, as both are on one machine.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal, Self

import redis

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Outcome", "Register"]

Outcome = Literal["acknowledged", "lost", "unknown"]

_LOG = "log"
_HIGHEST = "highest token by item"
_DONE = "items done"
_ENDED = "pieces of work done"
_SAID = "said to all"
_PAGE = 20_000

_TIME = """
local time = redis.call('TIME')
local now = time[1] .. '.' .. string.format('%06d', tonumber(time[2]))
local function note(...)
  redis.call('RPUSH', KEYS[1], table.concat({...}, ' ') .. ' ' .. now)
end
"""
# Tokens have as many digits, and are compared as text: Lua's numbers have fewer.
_BEGIN = """
local item, token = ARGV[1], ARGV[2]
if token > (redis.call('HGET', KEYS[2], item) or '') then
  redis.call('HSET', KEYS[2], item, token)
end
note('begin', item, token, ARGV[3], ARGV[4], ARGV[5])
"""
_CHECK = """
local item, token = ARGV[1], ARGV[2]
local overtaken = redis.call('HGET', KEYS[2], item) ~= token
note('check', item, token, overtaken and 1 or 0)
redis.call('SADD', KEYS[3], item)
redis.call('INCR', KEYS[4])
"""
_NOTE = "for _, line in ipairs(ARGV) do note(line) end"


class Register:
    """A way to the register for one process."""

    def __init__(self, port: int) -> None:
        self._client: Any = redis.Redis(port=port, decode_responses=True)
        scripts = [self._client.register_script(_TIME + each) for each in (_BEGIN, _CHECK, _NOTE)]
        self._begin, self._check, self._note = scripts

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    # By workers

    def begin(self, item: int, token: int, worker: int, deadline: float, attempt: int) -> None:
        """Note that work begins, and its token if it is the highest."""
        words: list[str | int] = [item, _text(token), worker, repr(deadline), attempt]
        self._begin([_LOG, _HIGHEST], words)

    def check(self, item: int, token: int) -> None:
        """Note that work is done, and whether other work on this item has a higher token."""
        self._check([_LOG, _HIGHEST, _DONE, _ENDED], [item, _text(token)])

    def end(self, item: int, token: int, outcome: Outcome) -> None:
        """Note what became of the claim."""
        self.note(f"end {item} {token} {outcome}")

    # By all

    def note(self, *lines: str) -> None:
        """Note something, and the time."""
        self._note([_LOG], lines)

    def say(self, word: str) -> None:
        """Let all processes know."""
        self._client.sadd(_SAID, word)

    def is_said(self, word: str) -> bool:
        """Tell whether that was said."""
        return bool(self._client.sismember(_SAID, word))

    def progress(self) -> tuple[int, int]:
        """Return how many items were worked on to the end, and how often that was."""
        with closing(self._client.pipeline()) as pipe:
            done, ended = pipe.scard(_DONE).get(_ENDED).execute()
            return int(done), int(ended or 0)

    def latest(self, number: int) -> list[int]:
        """Return the items of the latest notes of work."""
        words = (note.split() for note in self._client.lrange(_LOG, -number, -1))
        return [int(word[1]) for word in words if word[0] in {"begin", "check"}]

    def history(self) -> Iterator[list[str]]:
        """Yield the words of all notes."""
        for start in range(0, self._client.llen(_LOG), _PAGE):
            for note in self._client.lrange(_LOG, start, start + _PAGE - 1):
                yield note.split()


def _text(token: int) -> str:
    return f"{token:020d}"
