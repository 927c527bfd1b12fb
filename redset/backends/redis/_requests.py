"""Names for requests, by which a server knows one that it is sent again.

A client that loses a reply sends its command once more. Scripts that must have their effect
once are given a name for the request: the sender, and the number of its latest request. The
server remembers one answer for each sender, so there are no more records than requests at
one time. A sender whose request failed is not used again, as the server may yet carry it out.
"""

from __future__ import annotations

import os
import secrets
from collections import deque
from typing import Final

__all__ = ["Requests", "Sender", "requests"]


class Sender:
    """Sends one request at a time."""

    __slots__ = ("key", "number")

    def __init__(self) -> None:
        self.key = b":" + secrets.token_urlsafe(9).encode()
        self.number = 0


class Requests:
    """Senders that have nothing under way. Safe for threads and forks."""

    __slots__ = ("_idle",)

    def __init__(self) -> None:
        self._idle: deque[Sender] = deque()

    def begin(self) -> Sender:
        """Return a sender with the number of a new request; `end` gives it back."""
        try:
            sender = self._idle.pop()
        except IndexError:
            sender = Sender()
        sender.number += 1
        return sender

    def end(self, sender: Sender) -> None:
        """Take back a sender whose request was answered."""
        self._idle.append(sender)

    def forget(self) -> None:
        """Use none of the senders again."""
        self._idle.clear()


# One for the process: sets are often made anew for each call, and senders are not to be.
requests: Final = Requests()

# A forked child must not answer to its parent's names.
os.register_at_fork(after_in_child=requests.forget)
