"""What this process knows of sets that have no keys, so that it need not ask again."""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

__all__ = ["keyless_names"]

# Names are made without end by some programs, so at some number they are found out anew.
_MOST: Final = 10_000

# By the client or backend, as sets are often made anew for each call.
_keyless: Final[WeakKeyDictionary[object, set[str]]] = WeakKeyDictionary()


def keyless_names(source: object) -> set[str]:
    """Return the names of the sets on a client or backend that are known to have no keys.

    The set returned is to be changed in place. It goes with its source, and is forgotten at
    once if that cannot be referred to weakly.
    """
    try:
        names = _keyless.get(source)
        if names is None:
            names = _keyless.setdefault(source, set())
    except TypeError:
        return set()
    if len(names) >= _MOST:
        names.clear()
    return names
