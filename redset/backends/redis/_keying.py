"""Which sets of a call are known to be keyed, and what its script finds out about the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from redset._keying import keyless_error

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Keying"]


class Keying:
    """A call of a keyed view: its script looks at the sets that are not known to be keyed.

    Within it, the error of a script becomes one that says which of the sets has no payloads.

    Args:
        known: the names of the sets that are known; those that have payloads are added.
        names: those of the call, in the order in which the script has them.
    """

    __slots__ = ("_known", "_names", "flags")

    flags: bytes
    """A 1 for each set that is known to be keyed, or else a 0."""

    def __init__(self, known: set[str], *names: str) -> None:
        self._known = known
        self._names = names
        self.flags = b"".join(b"1" if name in known else b"0" for name in names)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        code, _, place = str(error).partition(" ")
        if code == "KEYING":
            raise keyless_error(self._names[int(place)]) from error

    def read(self, reply: Any) -> Any:  # noqa: ANN401  (replies are untyped)
        """Return what a script replies, and learn what it has found out."""
        if b"0" not in self.flags:
            return reply
        reply, found = reply
        for name, flag in zip(self._names, found.decode(), strict=True):
            if flag == "1":
                self._known.add(name)
        return reply
