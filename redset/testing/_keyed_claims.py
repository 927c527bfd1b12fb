"""Checks of claims in keyed sets: whose payload a copy has that waits, or is held."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from redset.interfaces import NOW, KeyedMember, Merge, Payload
from redset.testing._claim_steps import (
    ENDS,
    claim,
    claim_one,
    end,
    finish,
    hold,
    holds,
    is_empty,
    refused,
    release_all,
    terms,
)
from redset.testing._each import EACH_MERGE, EACH_RULE
from redset.testing._keyed import SCORES, copies, met, payloads, put
from redset.testing._leases import claim_later
from redset.testing._model import older, replaces
from redset.testing._timing import present
from redset.testing._writing import everything

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redset.interfaces import Backend, Lease
    from redset.testing._keyed import Copy

__all__ = ["KeyedClaimChecks", "leased"]


def leased(leases: Sequence[Lease]) -> list[Copy]:
    """Return what was claimed, with payloads."""
    return copies((lease.member, lease.score) for lease in leases)


def _add_meanwhile(
    view: Backend, name: str, given: Sequence[Copy], added: Sequence[Copy], *, is_parked: bool
) -> list[Lease]:
    """Claim keys, and add them again; a further claim parks those."""
    put(view, name, *given)
    leases = claim(view, name)
    assert len(leases) == len(given)
    put(view, name, *added)
    if is_parked:
        assert claim(view, name) == []
    return leases


PARKED = pytest.mark.parametrize("is_parked", [False, True], ids=["added", "parked"])


class KeyedClaimChecks:
    """A claim takes the payload along; what is added meanwhile has its own."""

    @EACH_RULE
    @PARKED
    def test_what_is_added_meanwhile_has_its_own_payload(
        self,
        backend: Backend,
        name: str,
        rule: Payload,
        is_parked: bool,  # noqa: FBT001  (a parameter)
    ) -> None:
        view = backend.keyed(rule)
        added = [(b"a", b"added", 7.0)]
        leases = _add_meanwhile(view, name, [(b"a", b"claimed", 5.0)], added, is_parked=is_parked)
        assert leased(leases) == [(b"a", b"claimed", 5.0)]
        assert copies(everything(view, name)) == ([] if is_parked else added)
        assert view.acknowledge(name, holds(leases), Merge.REPLACE) == [True]
        assert copies(everything(view, name)) == added
        again = claim(view, name)
        assert leased(again) == added
        assert view.acknowledge(name, holds(again), Merge.REPLACE) == [True]
        is_empty(view, name)

    @pytest.mark.parametrize("how", ENDS)
    def test_a_payload_is_kept_from_claim_to_claim(
        self, backend: Backend, name: str, how: str, advance: Callable[[float], None]
    ) -> None:
        view = backend.keyed(Payload.NEWEST)
        given = [(b"%d" % i, b"payload %d" % i, float(i)) for i in range(3)]
        put(view, name, *given)
        for _ in range(3):
            leases = claim(view, name)
            assert leased(leases) == given
            end(view, name, leases, how, Merge.REPLACE, advance)
            if how in {"acknowledge", "reject"}:
                put(view, name, *given)
        leases = claim(view, name)
        assert leased(leases) == given
        assert view.acknowledge(name, holds(leases), Merge.REPLACE) == [True] * 3
        is_empty(view, name)

    @EACH_RULE
    @EACH_MERGE
    def test_what_comes_to_a_parked_copy(
        self, backend: Backend, name: str, rule: Payload, merge: Merge
    ) -> None:
        view = backend.keyed(rule)
        given = [(key, b"claimed", 1.0) for key in SCORES]
        parked = [(key, b"waiting", 5.0) for key in SCORES]
        leases = _add_meanwhile(view, name, given, parked, is_parked=True)
        coming = [(key, b"coming", score) for key, score in SCORES.items()]
        put(view, name, *coming, merge=merge)
        expected = met(rule, merge, is_newer=True)
        assert payloads(everything(view, name)) == expected
        assert view.acknowledge(name, holds(leases), merge) == [True] * 3
        assert payloads(everything(view, name)) == expected
        assert dict(finish(view, name)).keys() == SCORES.keys()

    @EACH_RULE
    @EACH_MERGE
    def test_what_comes_to_a_copy_that_is_held_back(
        self, backend: Backend, name: str, rule: Payload, merge: Merge
    ) -> None:
        view = backend.keyed(rule)
        put(view, name, *((key, b"waiting", 5.0) for key in SCORES))
        release_all(view, name, claim(view, name), merge, delay=60.0)
        coming = [(key, b"coming", score) for key, score in SCORES.items()]
        assert put(view, name, *coming, merge=merge) == 3
        expected = met(rule, merge, is_newer=True)
        assert payloads(everything(view, name)) == expected
        leases = claim(view, name, 1000, terms(merge=merge))
        if merge in {Merge.REPLACE, Merge.EARLIEST}:
            assert payloads((lease.member, lease.score) for lease in leases) == expected
            assert view.acknowledge(name, holds(leases), merge) == [True] * 3
        else:
            assert leases == []
            assert view.remove(name, list(SCORES)) == 3
        is_empty(view, name)

    @EACH_RULE
    @EACH_MERGE
    @PARKED
    @pytest.mark.parametrize("how", ["release", "expire"])
    def test_what_comes_back_was_there_first(
        self,
        backend: Backend,
        name: str,
        how: str,
        is_parked: bool,  # noqa: FBT001  (a parameter)
        rule: Payload,
        merge: Merge,
        advance: Callable[[float], None],
    ) -> None:
        view = backend.keyed(rule)
        given = [(b"alone", b"coming", 1.0)]
        given += [(key, b"coming", score) for key, score in SCORES.items()]
        added = [(key, b"waiting", 5.0) for key in SCORES]
        leases = _add_meanwhile(view, name, given, added, is_parked=is_parked)
        end(view, name, leases, how, merge, advance)
        again = claim(view, name, 1000, terms(merge=merge))
        found = payloads((lease.member, lease.score) for lease in again)
        expected = met(rule, older(merge), is_newer=False)
        assert found == expected | {b"alone": b"coming"}
        assert view.acknowledge(name, holds(again), merge) == [True] * 4
        is_empty(view, name)

    @EACH_RULE
    @PARKED
    @pytest.mark.parametrize(("given", "delay"), [(True, 0.0), (True, 0.05), (False, 0.05)])
    def test_what_is_released_with_another_score_was_there_first(
        self,
        backend: Backend,
        name: str,
        given: bool,  # noqa: FBT001  (a parameter)
        delay: float,
        is_parked: bool,  # noqa: FBT001  (a parameter)
        rule: Payload,
        advance: Callable[[float], None],
    ) -> None:
        view = backend.keyed(rule)
        claimed = [(key, b"coming", 1.0 if given else s) for key, s in SCORES.items()]
        added = [(key, b"waiting", 5.0) for key in SCORES]
        # Their delays end together.
        names = {f"{name}-{merge.name}": merge for merge in Merge}
        for each, merge in names.items():
            for lease in _add_meanwhile(view, each, claimed, added, is_parked=is_parked):
                score = SCORES[lease.member] if given else None
                assert view.release(each, hold(lease), merge, score=score, delay=delay)
        advance(0.1)
        for each, merge in names.items():
            # Its score is the latest that was given, though it was there first.
            again = claim(view, each, 1000, terms(merge=merge))
            found = payloads((lease.member, lease.score) for lease in again)
            assert found == met(rule, merge, is_newer=False)
            assert view.acknowledge(each, holds(again), merge) == [True] * 3
            is_empty(view, each)

    @EACH_RULE
    @EACH_MERGE
    def test_what_is_released_for_now_was_there_first(
        self, backend: Backend, name: str, rule: Payload, merge: Merge
    ) -> None:
        view = backend.keyed(rule)
        given = [(b"a", b"coming", 1.0), (b"alone", b"coming", 1.0)]
        leases = _add_meanwhile(view, name, given, [(b"a", b"waiting", 5.0)], is_parked=False)
        release_all(view, name, leases, merge, score=NOW)
        wins = replaces(rule, merge, 5.0, 1e9, is_newer=False)
        expected = {b"a": b"coming" if wins else b"waiting", b"alone": b"coming"}
        assert payloads(everything(view, name)) == expected
        assert dict(finish(view, name)).keys() == expected.keys()

    @pytest.mark.parametrize("score", [None, 2.0])
    def test_a_payload_is_held_back_with_its_key(
        self,
        backend: Backend,
        name: str,
        score: float | None,
        advance: Callable[[float], None],
    ) -> None:
        view = backend.keyed(Payload.NEWEST)
        put(view, name, (b"a", b"payload", 1.0))
        release_all(view, name, claim(view, name), Merge.REPLACE, score=score, delay=0.2)
        assert claim(view, name) == []
        again = claim_later(view, name, advance)
        assert leased(again) == [(b"a", b"payload", score or 1.0)]
        assert view.acknowledge(name, holds(again), Merge.REPLACE) == [True]
        is_empty(view, name)

    @pytest.mark.parametrize("delay", [0.0, 60.0])
    @pytest.mark.parametrize("way", ["pop", "pop last", "remove_range"])
    def test_what_is_apart_keeps_its_payload(
        self, backend: Backend, name: str, way: str, delay: float
    ) -> None:
        view = backend.keyed(Payload.FIRST)
        ways: dict[str, Callable[[], object]] = {
            "pop": lambda: view.pop(name, 1),
            "pop last": lambda: view.pop(name, 1, reverse=True),
            "remove_range": lambda: view.remove_range(name, 7.0, 7.0),
        }
        put(view, name, (b"a", b"one", 5.0))
        lease = claim_one(view, name)
        # Held back or parked, and once more in the set, from where it is taken.
        if delay:
            assert view.release(name, hold(lease), Merge.REPLACE, delay=delay)
        else:
            put(view, name, (b"a", b"one", 6.0))
            assert claim(view, name) == []
        put(view, name, (b"a", b"two", 7.0))
        ways[way]()
        assert view.length(name) == 0
        # What is added brings the other copy to light, which was there first.
        put(view, name, (b"a", b"three", 8.0))
        assert copies(everything(view, name)) == [(b"a", b"one", 8.0)]
        ways["pop"]()
        if delay:
            assert view.remove(name, [b"a"]) == 1
        else:
            assert view.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
            assert copies(everything(view, name)) == [(b"a", b"one", 6.0)]
            assert finish(view, name) == [(b"a", 6.0)]
        is_empty(view, name)

    def test_who_has_no_claim_changes_no_payload(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        view = backend.keyed(Payload.NEWEST)
        put(view, name, (b"a", b"payload", 1.0))
        late = claim_one(view, name)
        end(view, name, [late], "expire", Merge.REPLACE, advance)
        lease = claim_one(view, name)
        refused(view, name, hold(late), (KeyedMember(b"a", b"other"), 0), (b"x", 1))
        put(view, name, (b"a", b"added", 2.0))
        refused(view, name, hold(late), (b"a", 0))
        assert copies(everything(view, name)) == [(b"a", b"added", 2.0)]
        # The member names the claim; what it carries does not matter.
        assert view.remove(name, [b"a"]) == 1
        assert view.release(name, (KeyedMember(b"a", b"other"), lease.token), Merge.REPLACE)
        assert copies(everything(view, name)) == [(b"a", b"payload", 1.0)]
        assert everything(backend, name) == [(b"a", 1.0)]
        assert finish(view, name) == [(b"a", 1.0)]

    def test_a_claim_that_acknowledges_drops_and_takes_payloads(
        self, backend: Backend, name: str
    ) -> None:
        view = backend.keyed(Payload.FIRST)
        put(view, name, (b"a", b"first", 1.0))
        lease = claim_one(view, name)
        for payload in (b"second", b"third"):
            put(view, name, (b"a", payload, 1.0), (b"b", payload, 2.0))
            claimed = view.claim(name, 1, terms(), acknowledge=[hold(lease)])
            assert claimed.acknowledged == [True]
            (lease,) = claimed.leases
            assert leased([lease]) == [(b"a", payload, 1.0)]
        assert view.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
        assert copies(everything(view, name)) == [(b"b", b"second", 2.0)]
        assert finish(view, name) == [(b"b", 2.0)]

    def test_what_is_removed_while_it_is_claimed_leaves_the_claim_its_payload(
        self, backend: Backend, name: str
    ) -> None:
        view = backend.keyed(Payload.NEWEST)
        added = [(b"a", b"added", 7.0)]
        (lease,) = _add_meanwhile(view, name, [(b"a", b"claimed", 5.0)], added, is_parked=True)
        put(view, name, (b"a", b"once more", 8.0))
        assert view.remove(name, [b"a"]) == 1
        assert view.stats(name, math.inf).parked == 0
        assert view.release(name, hold(lease), Merge.REPLACE)
        assert copies(everything(view, name)) == [(b"a", b"claimed", 5.0)]
        assert finish(view, name) == [(b"a", 5.0)]

    @pytest.mark.parametrize("how", ["delayed", "parked"])
    def test_payloads_outlive_what_goes_without_them(
        self, backend: Backend, name: str, advance: Callable[[float], None], how: str
    ) -> None:
        view = backend.keyed(Payload.NEWEST)
        put(view, name, (b"a", b"1", 1.0), (b"b", b"2", 2.0))
        assert view.expire(name, present(view, name) + 0.5)
        lease = claim_one(view, name)
        if how == "delayed":
            assert view.release(name, hold(lease), Merge.REPLACE, delay=0.7)
        else:
            put(view, name, (b"a", b"3", 3.0))
            other = claim(view, name)
            assert view.acknowledge(name, holds(other), Merge.REPLACE) == [True]
        advance(0.9)
        if how == "parked":
            assert view.release(name, hold(lease), Merge.REPLACE, score=4.0)
        payload, score = (b"1", 1.0) if how == "delayed" else (b"3", 4.0)
        leases = claim(view, name)
        assert leased(leases) == [(b"a", payload, score)]
        assert view.acknowledge(name, holds(leases), Merge.REPLACE) == [True]
        is_empty(view, name)

    def test_payloads_of_a_new_set_do_not_go_with_claims(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        view = backend.keyed(Payload.NEWEST)
        put(view, name, (b"a", b"1", 1.0), (b"b", b"2", 2.0))
        assert view.release(name, hold(claim_one(view, name)), Merge.REPLACE, delay=60.0)
        assert view.expire(name, present(view, name) + 0.5)
        assert copies(view.pop(name, 1)) == [(b"b", b"2", 2.0)]
        put(view, name, (b"c", b"3", 3.0))
        advance(0.6)
        assert copies(view.pop(name, 2)) == [(b"c", b"3", 3.0)]
        is_empty(view, name)
