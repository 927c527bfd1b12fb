"""Sets that can be given another name."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from redset._async.base import AsyncBaseSet
from redset._checks import check_keyed_name, check_name
from redset._types import T
from redset.exceptions import EmptySetError, SetExistsError

if TYPE_CHECKING:
    from typing import Self


class AsyncRenamingSet(AsyncBaseSet[T]):
    """A set that has one name in its store. Not made directly: see its subclasses."""

    async def rename(self, new_name: str, *, replace: bool = False) -> Self:
        """Give the set another name, with its claims, dead letters, and all that is kept for it.

        Claims go along, with their leases and tokens. They can be ended by sets of the new name
        alone: `ack_all` of the set returned takes claims that were made under the old name,
        whose own ``ack`` raises `LeaseLost`; those that nobody ends come back when their leases
        run out. Who waits for items of the old name waits on.

        Args:
            new_name: the new name; in a cluster, of the same slot as the old one.
            replace: whether to drop what has this name, with all that is kept for it; by
                default, that is an error.

        Returns:
            A set of the new name, made as this one is. This one keeps its name, under which
            nothing is left. One round trip, O(1), or O(n) for n items that are replaced
            (``rename.lua``). It has its effect once, even if a client that loses the reply sends
            it again.

        Raises:
            EmptySetError: if there is nothing to rename. It is a `KeyError`.
            SetExistsError: if there is something of the new name. It is a `ValueError`.
            ValueError: if the name is this set's own, or one that no such set can have, or in a
                cluster of another slot.
        """
        check = check_keyed_name if self.is_keyed else check_name
        if check(new_name) == self._name:
            message = f"the set is called {new_name!r} already: choose another name"
            raise ValueError(message)
        done = await self._backend.rename(self._name, new_name, replace=replace)
        if done is None:
            message = f"{self._name!r} has nothing that could be renamed"
            raise EmptySetError(message)
        if not done:
            message = (
                f"there is something called {new_name!r}: choose another name, or drop it by "
                "replace=True"
            )
            raise SetExistsError(message)
        return self._renamed(new_name)

    def _renamed(self, new_name: str) -> Self:
        renamed = copy.copy(self)
        renamed._name = new_name  # noqa: SLF001  (of our own class)
        renamed._former_names = (*self._former_names, self._name)  # noqa: SLF001  (see above)
        return renamed
