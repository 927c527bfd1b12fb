"""What the state machine draws: awkward members and scores, and few enough to meet again."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from redset.interfaces import NOW, Aggregate, DeadLetter, Merge, Weighing

__all__ = [
    "ALL_NAMES",
    "AWKWARD",
    "BOUNDS",
    "CONTENTS",
    "COUNTS",
    "ENTRIES",
    "HIGHS",
    "LEFT",
    "LETTERS",
    "LIFETIMES",
    "MEMBERS",
    "MERGES",
    "MOVES",
    "NAMES",
    "PLACES",
    "PLAIN_NAMES",
    "RANGES",
    "REASONS",
    "SCORES",
    "SHORT_LIFETIMES",
    "SOME_MEMBERS",
    "SOON",
    "SOURCES",
    "STEPS",
    "WEIGHINGS",
]

# Scores of the set "expiring" are times of expiry; all that is not for such is for the others.
_PLAIN = ("a", "b", "c")
ALL_NAMES = (*_PLAIN, "expiring")
PLAIN_NAMES = st.sampled_from(["a", "a", *_PLAIN])
NAMES = st.sampled_from(["a", "a", "a", "expiring", *ALL_NAMES])

# Their order is neither that of text nor of length. A few come up most of the time.
_FEW = [b"", b"a", b"a\x00", b"aa", b"\xff"]
_ASCII = [b"\x00", b"\x00\x00", b"\n", b"10", b"9", b"B", b"ab", b"b"]
_BINARY = [b"\x7f", b"\x80", "ä".encode(), b"\xff\x00", b"x" * 100]
MEMBERS = (
    st.sampled_from(_FEW)
    | st.sampled_from(_FEW)
    | st.sampled_from(_ASCII + _BINARY)
    | st.binary(max_size=2)
)
SOME_MEMBERS = st.lists(MEMBERS, max_size=5)

# What payloads are made of; each has another number in it.
AWKWARD = [b"#", b"#\x00\xff", b"\n#\n", b" # 1", b"", b"#" + b"x" * 100]

# None is near the present, so a real clock may go on without changing what is due.
SCORES = (
    st.sampled_from([-math.inf, -1.5, -0.0, 0.0, 0.1, 1.0, 2.0, 1e12, math.inf])
    | st.sampled_from([5e-324, 1.7e308, -1e300, 2.0**53 + 2, 1e-7, 123456.789])
    | st.floats(allow_nan=False).filter(lambda score: not 1e9 < score < 1e11)
)
# A member scheduled for now stays in the past by these, or goes far into the future.
STEPS = st.sampled_from([0.0, -0.1, -1.0, -1e300, -math.inf, 1e12, 1.7e308, math.inf])
LIFETIMES = st.sampled_from([1e6, 1e6, 2e7, 1e12, 1e15, 1e300, math.inf])

# These are for clocks that are moved by hand.
SHORT_LIFETIMES = st.sampled_from([0.5, 1.0, 60.0, 3600.0])
MOVES = st.sampled_from([0.001, 0.499, 0.5, 1.0, 59.0, 60.0, 3600.0, -0.5, -1.0, -60.0, -1e6])

# Until a set goes, on a clock that nobody moves, and on one that is moved.
SOON = 0.4
LEFT = st.sampled_from([SOON, 60.0, 600.0])

MERGES = st.sampled_from(Merge)
# Sets are to fill up sooner than they are emptied.
COUNTS = st.sampled_from([1, 1, 2, 2, 3, 5, 8, 10**6])
BOUNDS = st.sampled_from([0.0, 1.0, NOW]) | SCORES
RANGES = st.sampled_from([(-math.inf, NOW), (NOW, math.inf), (0.0, 2.0)]) | st.tuples(
    st.sampled_from([-math.inf, 0.0, NOW]) | BOUNDS, st.sampled_from([math.inf, 2.0, NOW]) | BOUNDS
)
HIGHS = st.sampled_from([math.inf, NOW])
SOURCES = st.lists(st.tuples(NAMES, HIGHS), min_size=1, max_size=3)
# As many weights as there may be sets. None brings a score near the present, but sums may.
WEIGHINGS = st.builds(
    Weighing,
    aggregate=st.sampled_from(Aggregate),
    weights=st.tuples(*[st.sampled_from([1.0, 1.0, 0.0, -1.0, 0.5, 2.0, 1e300])] * 4),
)
ENTRIES = st.lists(st.tuples(MEMBERS, SCORES), max_size=8)
CONTENTS = st.fixed_dictionaries(dict.fromkeys(_PLAIN, ENTRIES))
# A number is the place of an entry that is there.
PLACES = st.none() | st.integers(0, 9) | st.tuples(MEMBERS, SCORES)
REASONS = st.sampled_from(["", "broken", "a\nb", "ü \U0001f4a5"]) | st.text(max_size=3)
LETTERS = st.lists(
    st.builds(
        DeadLetter,
        raw=MEMBERS,
        reason=REASONS,
        score=SCORES,
        time=st.just(0.0),
    ),
    max_size=4,
)
