"""How many replicas are to have what is written."""

from __future__ import annotations

from typing import Final, NamedTuple

from redset._checks import check_duration, check_replicas
from redset.backends.redis._clients import socket_timeout

__all__ = ["Copies", "check_copies", "is_lasting"]

# By these, items come in or claims end. A claim is not one of them: it could not be handed out if
# replicas lack it.
_LASTING: Final = frozenset(
    {"acknowledge", "add", "increment", "move", "pop_into", "redrive", "reject", "release"}
    | {"put_layout", "remember", "rename", "seal", "union", "unpack"}
)


class Copies(NamedTuple):
    """How many replicas are to have a write, and for how many seconds to wait for them."""

    replicas: int
    timeout: float


def check_copies(client: object, replicas: object, timeout: object) -> Copies | None:
    """Return what is asked for, if the client has the patience to wait for it; None for nothing."""
    copies = Copies(check_replicas(replicas), check_duration(timeout, "wait_timeout", least=0.001))
    if not copies.replicas:
        return None
    patience = socket_timeout(client)
    if patience is not None and copies.timeout >= patience:
        message = (
            f"wait_timeout is {timeout!r}, but the client gives up after {patience} seconds: "
            "wait for less, or raise its socket_timeout"
        )
        raise ValueError(message)
    return copies


def is_lasting(script: str) -> bool:
    """Tell whether replicas are to have what a script does."""
    return script.rpartition("/")[2] in _LASTING
