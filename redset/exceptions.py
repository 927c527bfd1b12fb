"""Every error that redset raises itself, under one root.

Each also is the built-in error that callers would expect at that place, so
``except KeyError`` around a ``pop`` goes on working. Faults of a server or a
network are not wrapped: they surface as the client library's own exceptions.
"""

from __future__ import annotations

__all__ = [
    "DecodeError",
    "EmptySetError",
    "KeyingError",
    "LeaseLost",
    "LockTimeout",
    "MissingDependencyError",
    "RedsetError",
    "ReplicationError",
    "ScoreError",
    "SealedError",
    "SetExistsError",
    "SignatureError",
]


class RedsetError(Exception):
    """The root of all errors raised by redset."""


class EmptySetError(RedsetError, KeyError):
    """There is no item to hand out: the set is empty, or nothing is due."""

    # KeyError shows the repr of its argument, which makes a sentence look like data.
    __str__ = Exception.__str__


class KeyingError(RedsetError, TypeError):
    """A set is opened with ``key=`` whose items were added without, or the reverse.

    Nothing was changed. Open it as it was written; to change it over, drain it first.
    """


class LockTimeout(RedsetError, TimeoutError):  # noqa: N818  (its name in 0.5.1)
    """The lock of a set could not be had within ``lock_timeout`` seconds."""


class LeaseLost(RedsetError, RuntimeError):  # noqa: N818  (it is what happened)
    """A claim is not held any more: its lease ran out and the item was put back, or it ended.

    What was called has changed nothing. Somebody else may be at work on the item, so guard
    what you write elsewhere by the claim's ``token``.
    """


class ReplicationError(RedsetError, TimeoutError):
    """What was written is on too few replicas after ``wait_timeout`` seconds.

    It is done on the primary, and not undone; if that fails now, it may be lost. To add again
    does no harm. A claim that was ended has ended.

    Attributes:
        replicas: how many have it.
        wanted: how many were to have it.
    """

    replicas: int = 0
    wanted: int = 0


class ScoreError(RedsetError, ValueError):
    """A score is not a number, or an increment would make it so."""


class SealedError(RedsetError, LookupError):
    """There is no set of this name.

    What it held has been handed over to others, or the name is that of a sharded set. Nothing was
    changed.
    """


class SetExistsError(RedsetError, ValueError):
    """Something has a name already that is to be given to a set, or to hold a layout."""


class DecodeError(RedsetError, ValueError):
    """The item looked at cannot be decoded by the set's serializer.

    Only calls that look at one place and leave it as it is raise this. Calls that
    take items out move such an item to the dead letters instead.
    """


class SignatureError(RedsetError, ValueError):
    """Stored data is not signed with any of the keys of a `SignedSerializer`."""


class MissingDependencyError(RedsetError, ImportError):
    """An optional package is needed; the message says which extra installs it."""
