"""What this process knows of which sets have keys, so that it need not ask again."""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

from redset.exceptions import KeyingError

__all__ = ["Names", "keyed_names", "keyless_error", "keyless_names"]

# Names are made without end by some programs, so at some number they are found out anew.
_MOST: Final = 10_000


class Names(set[str]):
    """Names of sets, which are forgotten when they are too many."""

    __slots__ = ()

    def add(self, name: str, /) -> None:
        """Add a name."""
        if len(self) >= _MOST:
            self.clear()
        super().add(name)


# By the client or backend, as sets are often made anew for each call.
_keyless: Final[WeakKeyDictionary[object, Names]] = WeakKeyDictionary()
_keyed: Final[WeakKeyDictionary[object, Names]] = WeakKeyDictionary()


def keyless_names(source: object) -> Names:
    """Return the names of the sets on a client or backend that are known to have no keys.

    They are to be changed in place. They go with their source, and are forgotten at once if that
    cannot be referred to weakly.
    """
    return _names(_keyless, source)


def keyed_names(source: object) -> Names:
    """Return the names of the sets that were found with payloads by one that has keys.

    What has none there now was put there by others. See `keyless_names`.
    """
    return _names(_keyed, source)


def keyless_error(name: str) -> KeyingError:
    """Return the error for a set that is opened with keys, and whose items have none."""
    return KeyingError(
        f"the items of {name!r} were added without key=: open it without; if they are bare keys "
        "that others have put there, as by ZADD, take them so, or clear() them"
    )


def _names(known: WeakKeyDictionary[object, Names], source: object) -> Names:
    try:
        names = known.get(source)
        return known.setdefault(source, Names()) if names is None else names
    except TypeError:
        return Names()
