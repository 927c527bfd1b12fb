"""Checks of claims: who gets what, who may end it, and what others see of it."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING

import pytest

from redset.interfaces import NOW, DeadLetter, Merge, Stats
from redset.testing._claim_steps import (
    CLOSE,
    ENDS,
    claim,
    claim_one,
    end,
    entries,
    finish,
    hold,
    holds,
    is_empty,
    refused,
    terms,
    tricky_entries,
)
from redset.testing._timing import present
from redset.testing._writing import everything, fill

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend, Lease

__all__ = ["ClaimingChecks"]


class ClaimingChecks:
    """Claiming and acknowledging, tokens, stale holders, counts."""

    def test_a_claim_takes_the_first(self, backend: Backend, name: str) -> None:
        assert backend.claim(name, 3, terms()) == ([], [], 0)
        given = [(b"c", 1.0), (b"cc", 1.0), (b"b", 2.0), (b"d", 3.0), (b"a", 4.0)]
        fill(backend, name, *reversed(given))
        leases = claim(backend, name, 1)
        assert entries(leases) == given[:1]
        leases += claim(backend, name, 3)
        assert entries(leases) == given[:4]
        assert everything(backend, name) == given[4:]
        leases += claim(backend, name, 1000)
        assert entries(leases) == given
        assert claim(backend, name) == []
        assert backend.acknowledge(name, holds(leases), Merge.REPLACE) == [True] * 5
        is_empty(backend, name)

    def test_a_lease_says_everything(self, backend: Backend, name: str) -> None:
        given = tricky_entries()
        fill(backend, name, *given)
        before = present(backend, name)
        leases = claim(backend, name)
        after = present(backend, name)
        assert sorted(entries(leases)) == sorted(given)
        for lease in leases:
            assert isinstance(lease.member, bytes)
            assert [type(part) for part in lease[1:]] == [float, int, int, float]
            assert lease.attempt == 1
            assert before + 60 - CLOSE <= lease.deadline <= after + 60 + CLOSE
        flags = backend.acknowledge(name, holds(leases), Merge.REPLACE)
        assert flags == [True] * len(given)
        is_empty(backend, name)

    def test_tokens_rise(self, backend: Backend, name: str) -> None:
        tokens: list[int] = []
        # The set is drained each time, or cleared.
        for count, is_cleared in ((1, False), (1000, False), (1, True), (2, False)):
            fill(backend, name, *((b"%d" % i, 1.0) for i in range(count)))
            leases = claim(backend, name)
            assert len(leases) == count
            tokens += [lease.token for lease in leases]
            if is_cleared:
                backend.clear(name)
            else:
                backend.acknowledge(name, holds(leases), Merge.REPLACE)
        assert all(lower < higher for lower, higher in itertools.pairwise(tokens))
        assert 0 < tokens[0] < tokens[-1] < 2**63

    def test_a_claimed_member_is_out_of_the_set(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0))
        lease = claim_one(backend, name)
        assert backend.length(name) == 1
        assert backend.scores(name, [b"a", b"b"]) == [None, 2.0]
        assert backend.rank(name, b"b") == 0
        assert backend.count(name, -math.inf, math.inf) == 1
        assert everything(backend, name) == [(b"b", 2.0)]
        assert backend.remove(name, [b"a"]) == 0
        assert backend.pop(name, 5) == [(b"b", 2.0)]
        assert backend.pop(name, 5, reverse=True) == []
        assert backend.remove_range(name, -math.inf, math.inf) == 0
        assert backend.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
        is_empty(backend, name)

    def test_acknowledged_work_is_gone(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"a", 1.0))
        lease = claim_one(backend, name, terms(lease=0.1))
        # Until somebody claims, it is held, however late it is.
        advance(0.15)
        assert backend.stats(name, math.inf).claimed == 1
        assert backend.length(name) == 0
        assert backend.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
        is_empty(backend, name)
        refused(backend, name, hold(lease))
        assert finish(backend, name) == []
        assert backend.clear(name) is False

    def test_acknowledging_tells_of_each(self, backend: Backend, name: str) -> None:
        fill(backend, name, *((b"%03d" % i, 1.0) for i in range(1000)))
        leases = claim(backend, name)
        assert backend.acknowledge(name, [], Merge.REPLACE) == []
        odd = holds(leases[1::2])
        assert backend.acknowledge(name, odd, Merge.REPLACE) == [True] * 500
        # One of them twice.
        again = [*holds(leases), hold(leases[0]), (b"x", 1)]
        flags = backend.acknowledge(name, again, Merge.REPLACE)
        # As places, since it takes pytest minutes to tell long lists apart.
        held = [place for place, flag in enumerate(flags) if flag]
        assert (held[:9], held[-1:], len(held)) == ([0, 2, 4, 6, 8, 10, 12, 14, 16], [998], 500)
        assert len(flags) == 1002
        is_empty(backend, name)

    def test_a_claim_acknowledges_first(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0), (b"c", 3.0))
        a, b = claim(backend, name, 2)
        # The copy of one is parked, that of the other one is in the set.
        fill(backend, name, (b"a", 2.5))
        c = claim_one(backend, name)
        assert entries([c]) == [(b"c", 3.0)]
        fill(backend, name, (b"b", 5.0))
        done = [hold(a), (b"c", b.token), hold(b), (b"x", 1)]
        leases, acknowledged, dropped = backend.claim(name, 5, terms(), acknowledge=done)
        assert entries(leases) == [(b"a", 2.5), (b"b", 5.0)]
        assert [lease.attempt for lease in leases] == [1, 1]
        assert (acknowledged, dropped) == ([True, False, True, False], 0)
        last = backend.claim(name, 5, terms(), acknowledge=holds([*leases, c]))
        assert last == ([], [True] * 3, 0)
        is_empty(backend, name)

    def test_a_claim_is_ended_by_its_token_alone(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0))
        a = claim_one(backend, name)
        # All others: tokens may well begin with 1.
        others = {a.token + 1, a.token - 1, a.token // 10, 10 * a.token, 1, 0} - {a.token}
        for token in sorted(others):
            refused(backend, name, (b"a", token))
        refused(backend, name, (b"b", a.token), (b"b", 0), (b"", a.token), (b"", 0))
        done = [(b"a", a.token + 1), (b"b", a.token)]
        leases, flags, _ = backend.claim(name, 5, terms(), acknowledge=done)
        assert (entries(leases), flags) == ([(b"b", 2.0)], [False, False])
        assert backend.acknowledge(name, holds([a, *leases]), Merge.REPLACE) == [True, True]
        is_empty(backend, name)

    @pytest.mark.parametrize("how", ENDS)
    def test_a_stale_holder_changes_nothing(
        self, backend: Backend, name: str, how: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"a", 1.0))
        former = claim_one(backend, name)
        fill(backend, name, (b"a", 2.0))
        end(backend, name, [former], how, Merge.REPLACE, advance)
        if how != "expire":
            refused(backend, name, hold(former))
        latter = claim_one(backend, name)
        assert latter.token > former.token
        refused(backend, name, hold(former))
        fill(backend, name, (b"a", 3.0))
        assert claim(backend, name) == []
        # A copy is parked now.
        refused(backend, name, hold(former))
        # The lease is as long as it was.
        advance(0.05)
        assert backend.claim(name, 1, terms(), acknowledge=[hold(former)]) == ([], [False], 0)
        assert backend.acknowledge(name, [hold(latter)], Merge.REPLACE) == [True]
        assert finish(backend, name) == [(b"a", 3.0)]

    def test_what_is_due_is_claimed(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        due = terms(high=NOW)
        _, now = backend.schedule(name, [(b"now", None)], Merge.REPLACE)
        fill(backend, name, (b"past", 1.0), (b"later", now + 60), (b"never", math.inf))
        leases = claim(backend, name, 1000, due)
        assert entries(leases) == [(b"past", 1.0), (b"now", now)]
        assert claim(backend, name, 1000, due) == []
        assert backend.length(name) == 2
        soon = now + 0.2
        fill(backend, name, (b"past", now + 50), (b"soon", soon))
        advance(0.25)
        leases += claim(backend, name, 1000, due)
        assert entries(leases[2:]) == [(b"soon", soon)]
        # A copy that is not due is not looked at.
        assert backend.scores(name, [b"past"]) == [now + 50]
        assert backend.acknowledge(name, holds(leases), Merge.REPLACE) == [True] * 3
        assert claim(backend, name, 1000, due) == []
        assert len(finish(backend, name)) == 3

    def test_stats_count_every_state(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        states = [b"claimed", b"parked", b"added again", b"delayed", b"late"]
        fill(backend, name, *((member, 1.0) for member in states))
        leases = {lease.member: lease for lease in claim(backend, name)}
        fill(backend, name, (b"parked", 2.0))
        assert claim(backend, name) == []
        held = hold(leases[b"delayed"])
        assert backend.release(name, held, Merge.REPLACE, score=-5.0, delay=60.0)
        backend.extend(name, [hold(leases[b"late"])], 0.05)
        advance(0.1)
        now = present(backend, name)
        fill(backend, name, (b"added again", now + 60), (b"due", 3.0), (b"later", now + 60))
        backend.bury(name, [DeadLetter(b"dead", "", -9.0, 0.0)], 10)
        for high, due in ((NOW, 1), (math.inf, 3), (now + 60, 3), (2.0, 0)):
            found = dataclasses.replace(backend.stats(name, high), oldest_claim=None)
            assert found == Stats(
                pending=4,
                due=due,
                delayed=1,
                claimed=4,
                parked=1,
                dead=1,
                oldest_score=3.0,
                oldest_claim=None,
            )
        assert backend.clear(name) is True
        assert backend.stats(name, NOW) == Stats(0, 0, 0, 0, 0, 0, None, None)

    def test_the_oldest_claim_is_that_which_ends_first(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0))
        times = [present(backend, name)]
        leases: list[Lease] = []
        for lease in (100.0, 50.0):
            leases.append(claim_one(backend, name, terms(lease=lease)))
            advance(0.02)
            times.append(present(backend, name))
            oldest = backend.stats(name, NOW).oldest_claim
            assert oldest is not None
            assert times[-2] - CLOSE <= oldest <= times[-1] - 0.02 + CLOSE
        backend.extend(name, holds(leases[1:]), 200.0)
        oldest = backend.stats(name, NOW).oldest_claim
        assert oldest is not None
        assert times[0] - CLOSE <= oldest <= times[1] - 0.02 + CLOSE
        assert backend.acknowledge(name, holds(leases), Merge.REPLACE) == [True, True]
        is_empty(backend, name)

    def test_clear_drops_claims(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0))
        leases = claim(backend, name)
        fill(backend, name, (b"a", 3.0))
        assert claim(backend, name) == []
        backend.extend(name, holds(leases[1:]), 0.05)
        assert backend.clear(name) is True
        assert backend.clear(name) is False
        refused(backend, name, *holds(leases))
        advance(0.1)
        assert finish(backend, name) == []
        # Attempts are forgotten, too.
        fill(backend, name, (b"a", 1.0))
        assert backend.release(name, hold(claim_one(backend, name)), Merge.REPLACE)
        assert backend.clear(name) is True
        fill(backend, name, (b"a", 1.0))
        lease = claim_one(backend, name)
        assert lease.attempt == 1
        # To be remembered by them is not to be there.
        assert backend.release(name, hold(lease), Merge.REPLACE)
        assert backend.pop(name, 1) == [(b"a", 1.0)]
        assert backend.clear(name) is False

    def test_claims_of_several_sets_are_apart(self, backend: Backend, name: str) -> None:
        names = [name, f"{name}:x", f"x:{name}", f"{name} ü\n{{y}}", f"{name}{{"]
        for i, each in enumerate(names):
            fill(backend, each, (b"a", float(i)), (b"b", 9.0))
        leases = [claim_one(backend, each) for each in names]
        assert [lease.score for lease in leases] == [0.0, 1.0, 2.0, 3.0, 4.0]
        for each in names:
            fill(backend, each, (b"a", 5.0))
            assert entries(claim(backend, each)) == [(b"b", 9.0)]
        for each, lease in zip(names, leases, strict=True):
            assert (backend.stats(each, NOW).claimed, backend.stats(each, NOW).parked) == (2, 1)
            assert backend.release(each, hold(lease), Merge.REPLACE, score=6.0, delay=60.0)
            assert backend.stats(each, NOW).delayed == 1
            assert backend.clear(each) is True

    def test_a_dedicated_backend_is_one_like_others(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0))
        with backend.dedicated() as mine:
            (a,) = mine.claim(name, 1, terms()).leases
            (b,), flags, _ = mine.wait_claim(name, 1, terms(), 60.0, acknowledge=[hold(a)])
            assert (entries([a, b]), flags) == ([(b"a", 1.0), (b"b", 2.0)], [True])
            assert claim(backend, name) == []
            assert mine.wait_claim(name, 1, terms(), 0.0, acknowledge=[hold(b)]) == ([], [True], 0)
        is_empty(backend, name)
