"""What a memory store holds, and the parts of its operations that run under the lock."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from typing import TYPE_CHECKING

from redset._keying import Names
from redset.backends.memory._sortedmap import SortedMap
from redset.backends.memory._tombstone import Tombstone
from redset.backends.memory._waiting import WaitingStore
from redset.interfaces import NOW

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Sequence
    from contextlib import AbstractContextManager

    from redset.backends.memory._ledger import Ledger
    from redset.backends.memory._payloads import Payloads
    from redset.interfaces import Bound, Clock, DeadLetter, Entry, Merge

__all__ = ["HeldSets", "member_of"]

# How many dead letters are dropped at a time: whoever lowers the limit must not hold up others.
_MOST_DROPPED = 1000


def member_of(letter: DeadLetter) -> bytes:
    """Return the bytes by which a dead letter is known."""
    return letter.raw if letter.key is None else letter.key


class HeldSets(WaitingStore):
    """The sets by name, their dead letters, and the claims of those that have some."""

    def __init__(self, clock: Clock | None) -> None:
        super().__init__(clock)
        self._sets: dict[str, SortedMap] = {}
        self._dead: dict[str, dict[bytes, DeadLetter]] = {}
        self._ledgers: dict[str, Ledger] = {}
        self._payloads: dict[str, Payloads] = {}
        self._keyed_names = Names()
        # Of sets that are handed over, the number and the size of the parcel that is under way.
        self._parcels: dict[str, tuple[int, int]] = {}

    def is_keyed(self, name: str) -> bool | None:
        """See `redset.interfaces.Backend.is_keyed`. O(1)."""
        with self._guard:
            # Who asks is in doubt, so views are to look again, too.
            self._keyed_names.discard(name)
            return self._is_keyed(name)

    def _is_keyed(self, name: str) -> bool | None:
        self._check_seal(name)
        ledger = self._ledgers.get(name)
        if name not in self._sets and (ledger is None or not ledger.records):
            return None
        return name in self._payloads

    def _check_seal(self, *names: str) -> None:
        """Raise `SealedError` for a sealed name, where something is kept beside the set."""
        for name in names:
            held = self._sets.get(name)
            if isinstance(held, Tombstone):
                held.refuse()

    def _guarded(self, *names: str) -> AbstractContextManager[object]:  # noqa: ARG002
        """Return what guards an operation on sets. A view may look at these first."""
        return self._guard

    def _guarded_as_it_is(self, name: str) -> AbstractContextManager[object]:  # noqa: ARG002
        """Return what guards an operation that a view, too, does on whatever data there are."""
        return self._guard

    def _left(self, name: str, members: Iterable[bytes]) -> None:
        """Be told that members have left the set, for those who keep more of them."""

    def _forget_ends(self) -> None:
        """Be told that claims may have run empty, for those who know when they are to go."""

    def _shown(self, name: str, entries: Sequence[Entry]) -> list[Entry]:  # noqa: ARG002
        """Return entries of a set as they are seen here."""
        return list(entries)

    def _is_same(self, member: bytes, expected: bytes) -> bool:
        """Tell whether a member, as it is seen here, is the one that is expected."""
        return member == expected

    def _weighed(self, names: Sequence[str], made: dict[bytes, float]) -> list[Entry]:  # noqa: ARG002
        """Return entries that several sets make, with what these have for each."""
        return list(made.items())

    @contextmanager
    def _open(self, name: str) -> Generator[SortedMap, None, None]:
        """Give the set called ``name``, or an empty one, and drop it if it is empty after."""
        held = self._sets.get(name) or SortedMap()
        yield held
        if not held.scores:
            self._sets.pop(name, None)

    def _add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        if not entries:
            return 0
        held = self._sets.get(name)
        if held is None:
            held = self._sets[name] = SortedMap()
        new = held.add(entries, merge)
        if self._waiters:
            self._wake(name)
        return new

    def _all(self, name: str) -> list[Entry]:
        held = self._sets.get(name)
        return [] if held is None else list(held.scores.items())

    def _score(self, name: str, member: bytes) -> float | None:
        held = self._sets.get(name)
        return None if held is None else held.scores.get(member)

    def _scores(self, name: str) -> dict[bytes, float]:
        held = self._sets.get(name)
        return {} if held is None else held.scores

    def _remove(self, name: str, members: Collection[bytes]) -> list[float | None]:
        """Remove members from the set, and from beside it; return the score each had."""
        with self._open(name) as held:
            scores = [held.remove(member) for member in members]
        ledger = self._ledgers.get(name)
        if ledger is not None:
            apart = [ledger.discard(member) for member in members]
            scores = [a if b is None else b for a, b in zip(apart, scores, strict=True)]
        self._left(name, members)
        return scores

    def _sweep_payloads(self, name: str) -> None:
        """Drop the payloads of what is gone from a set. O(n)."""
        payloads = self._payloads.get(name)
        if payloads is None:
            return
        scores, ledger = self._scores(name), self._ledgers.get(name)
        for key in list(payloads.waiting):
            if key not in scores and (ledger is None or ledger.apart(key) is None):
                del payloads.waiting[key]
        if ledger is None or not ledger.records:
            payloads.held.clear()
        if not payloads:
            del self._payloads[name]

    def _is_there(self, name: str) -> bool:
        """Tell whether there are any members, claims or dead letters."""
        ledger, held = self._ledgers.get(name), self._sets.get(name)
        is_set = held is not None and not isinstance(held, Tombstone)
        return is_set or name in self._dead or bool(ledger and ledger.records)

    def _resolve(self, bound: Bound) -> float:
        return self._clock.time() if bound is NOW else bound

    def _dead_letters(self, name: str) -> list[DeadLetter]:
        letters = self._dead.get(name, {}).values()
        return sorted(letters, key=lambda letter: (letter.time, member_of(letter)))

    def _exhume(self, name: str, members: Sequence[bytes]) -> list[DeadLetter]:
        self._check_seal(name)
        dead = self._dead.get(name, {})
        letters = [dead.pop(member) for member in members if member in dead]
        if not dead:
            self._dead.pop(name, None)
        return letters

    def _bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        if not letters:
            return 0
        self._check_seal(name)
        now = self._clock.time()
        dead = self._dead.setdefault(name, {})
        for letter in letters:
            # As text that is no text would be stored elsewhere.
            reason = letter.reason.encode(errors="backslashreplace").decode()
            dead[member_of(letter)] = dataclasses.replace(letter, time=now, reason=reason)
        dropped = self._dead_letters(name)[: min(max(len(dead) - limit, 0), _MOST_DROPPED)]
        for letter in dropped:
            del dead[member_of(letter)]
        return len(dropped)
