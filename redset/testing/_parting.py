"""Checks of what goes together when a set is to go at a time, and of what stays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from redset.interfaces import Merge
from redset.testing._claim_steps import (
    claim,
    claim_one,
    entries,
    finish,
    hold,
    holds,
    is_empty,
    refused,
    terms,
)
from redset.testing._timing import present
from redset.testing._writing import everything, fill

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend

__all__ = ["PartingChecks"]

_LONG = 30.0


class PartingChecks:
    """What waits goes by itself, and claims with what is parked and held back."""

    @pytest.mark.parametrize("how", ["delayed", "parked", "claimed"])
    def test_what_joins_the_claims_goes_with_them(
        self, backend: Backend, name: str, advance: Callable[[float], None], how: str
    ) -> None:
        fill(backend, name, (b"a", 11.0), (b"b", 22.0))
        leases = [claim_one(backend, name)]
        if how == "claimed":
            # What is held back is all that there is of the claims.
            assert backend.release(name, hold(leases[0]), Merge.REPLACE, delay=_LONG)
        assert backend.expire(name, present(backend, name) + 0.5)
        leases.append(claim_one(backend, name))
        if how == "delayed":
            assert backend.release(name, hold(leases[1]), Merge.REPLACE, delay=0.7)
        elif how == "parked":
            fill(backend, name, (b"a", 5.0))
            assert claim(backend, name) == []
        advance(0.9)
        is_empty(backend, name)
        refused(backend, name, *holds(leases))
        assert (claim(backend, name), backend.clear(name)) == ([], False)

    @pytest.mark.parametrize("how", ["delayed", "parked", "claimed"])
    def test_the_first_claim_after_it_does_not_go(
        self, backend: Backend, name: str, advance: Callable[[float], None], how: str
    ) -> None:
        fill(backend, name, (b"a", 11.0), (b"b", 22.0), (b"c", 33.0))
        assert backend.expire(name, present(backend, name) + 0.5)
        lease = claim_one(backend, name)
        if how == "delayed":
            assert backend.release(name, hold(lease), Merge.REPLACE, delay=0.7)
        elif how == "parked":
            fill(backend, name, (b"a", 5.0))
            other = claim_one(backend, name)
            assert backend.acknowledge(name, [hold(other)], Merge.REPLACE) == [True]
        advance(0.9)
        assert everything(backend, name) == []
        if how == "delayed":
            lease = claim_one(backend, name)
        assert (lease.member, lease.score, lease.attempt) == (b"a", 11.0, 1 + (how == "delayed"))
        assert backend.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
        assert finish(backend, name) == ([(b"a", 5.0)] if how == "parked" else [])
        assert backend.clear(name) is False

    def test_a_set_that_is_emptied_does_not_go_with_its_claims(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0))
        assert backend.release(name, hold(claim_one(backend, name)), Merge.REPLACE, delay=_LONG)
        assert backend.expire(name, present(backend, name) + 0.5)
        assert backend.pop(name, 1) == [(b"b", 2.0)]
        fill(backend, name, (b"c", 3.0))
        advance(0.6)
        assert backend.stats(name, math.inf).delayed == 0
        assert finish(backend, name) == [(b"c", 3.0)]

    def test_claims_that_are_all_ended_forget_their_end(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0))
        first = [hold(claim_one(backend, name))]
        assert backend.expire(name, present(backend, name) + 0.5)
        # In one step, too, the one is over before the other begins.
        found = backend.claim(name, 1, terms(), acknowledge=first)
        assert (entries(found.leases), found.acknowledged) == ([(b"b", 2.0)], [True])
        advance(0.6)
        assert backend.acknowledge(name, holds(found.leases), Merge.REPLACE) == [True]
        assert finish(backend, name) == []

    def test_attempts_go_with_the_set(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0), (b"c", 3.0))
        tried, _ = claim(backend, name, 2)
        assert backend.expire(name, present(backend, name) + 0.5)
        assert backend.release(name, hold(tried), Merge.REPLACE)
        advance(0.6)
        fill(backend, name, (b"a", 1.0))
        lease = claim_one(backend, name)
        assert lease.attempt == 1
        assert backend.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]

    def test_attempts_do_not_go_with_the_claims(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0))
        tried, _ = claim(backend, name, 2)
        assert backend.expire(name, present(backend, name) + 0.8)
        assert backend.release(name, hold(tried), Merge.REPLACE)
        advance(0.9)
        assert backend.expire(name, present(backend, name) + 0.8)
        assert backend.expire(name, None)
        advance(0.9)
        (lease,) = claim(backend, name)
        assert (lease.member, lease.attempt) == (b"a", 2)
        assert backend.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
