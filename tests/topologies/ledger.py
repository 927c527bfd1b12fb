"""What producers and workers know for sure, and what that says about a set."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

__all__ = ["Ledger", "Report"]


@dataclass
class Ledger:
    """Notes of all threads. An item is added by one call, so nobody has it twice by right."""

    numbers: count[int] = field(default_factory=count)
    added: set[int] = field(default_factory=set)
    handed_out: set[int] = field(default_factory=set)
    done: set[int] = field(default_factory=set)
    repeated: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def backlog(self) -> int:
        """About how many items wait."""
        return len(self.added) - len(self.handed_out)

    def note_start(self, item: int) -> None:
        """Note that somebody has an item."""
        with self._lock:
            self.repeated += item in self.done
            self.handed_out.add(item)

    def note_done(self, items: set[int]) -> None:
        """Note that acknowledgements were answered for."""
        with self._lock:
            self.done |= items

    def note_failure(self, error: Exception) -> None:
        """Note that a call failed, so that nobody knows what it did."""
        with self._lock:
            self.failures[type(error).__name__] += 1


@dataclass(frozen=True)
class Report:
    """The counts of a run."""

    title: str
    added: int
    lost: int
    done: int
    repeated: int
    failures: Counter[str]
    longest_silence: float
    seconds: float

    def __str__(self) -> str:
        lines = {
            "adds answered for": self.added,
            "- of these lost": self.lost,
            "acknowledgements answered for": self.done,
            "- of these handed out again": self.repeated,
            "longest time without an add, in seconds": f"{self.longest_silence:.1f}",
            "seconds": f"{self.seconds:.1f}",
        }
        lines |= {f"calls that raised {name}": num for name, num in self.failures.items()}
        return "\n".join([self.title, *(f"  {what:44}{num:>9}" for what, num in lines.items())])
