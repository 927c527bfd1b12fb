"""Compare this tree with another revision: ``python -m benchmarks.compare [REVISION]``.

Without a revision, with the latest tag. Both are run in turn, in processes of their own and on one
server, and compared round by round, by the CPU time of the client. Each line shows the median of
the ratios (above 1, this tree is slower) and between which two half of them are, which tells how
much of a difference is noise. The exit code is 1 if a case is clearly slower: by more than
a tenth in three of four rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.harness import apart
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).parent.parent
CASES = Path(__file__).with_name("cases.py")
TOLERANCE = 1.1


class Comparison(NamedTuple):
    """The ratios of one case, one for each round."""

    name: str
    ratios: Sequence[float]

    @property
    def quartiles(self) -> tuple[float, float]:
        """Between which two half of the ratios are."""
        low, _, high = quantiles(self.ratios, n=4, method="inclusive")
        return low, high

    @property
    def is_slower(self) -> bool:
        """Whether this tree is slower beyond doubt."""
        return self.quartiles[0] > TOLERANCE

    def __str__(self) -> str:
        low, high = self.quartiles
        word = "SLOWER" if self.is_slower else "faster" if high < 1 / TOLERANCE else ""
        spread = f"({low:.2f} to {high:.2f})"
        return f"{self.name:<32} {median(self.ratios):>6.2f}  {spread:<16} {word}".rstrip()


def main(arguments: list[str] | None = None) -> int:
    """Print what each case takes here beside what it takes there; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("revision", nargs="?", help="any that git knows; the latest tag by default")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--repeats", type=int, default=20, help="of each case in a round")
    options = parser.parse_args(arguments)
    revision = options.revision or _latest_tag()
    if revision is None:
        parser.error("there is no tag to compare with: name a revision")
    print(f"this tree / {revision}\n")
    with _tree(revision) as there:
        comparisons = compare(HERE, there, rounds=options.rounds, repeats=options.repeats)
    for each in comparisons:
        print(each)
    return 1 if any(each.is_slower for each in comparisons) else 0


def compare(here: Path, there: Path, *, rounds: int, repeats: int) -> list[Comparison]:
    """Run the cases on two trees, again and again, each time with another one first."""
    ratios: dict[str, list[float]] = {}
    with Server() as server, apart(server):
        for number in range(rounds):
            order = (here, there) if number % 2 else (there, here)
            seconds = {tree: _run(tree, server.port, repeats) for tree in order}
            for name, spent in seconds[here].items():
                if name in seconds[there]:
                    ratios.setdefault(name, []).append(spent / seconds[there][name])
    return [Comparison(name, each) for name, each in ratios.items()]


def _run(tree: Path, port: int, repeats: int) -> dict[str, float]:
    command = [sys.executable, str(CASES), str(port), str(repeats)]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    times: dict[str, float] = json.loads(done.stdout)
    return times


@contextmanager
def _tree(revision: str) -> Iterator[Path]:
    """Check a revision out beside this tree, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="redset-") as folder:
        tree = Path(folder, "tree")
        _git("worktree", "add", "--quiet", "--detach", str(tree), revision)
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _latest_tag() -> str | None:
    found = subprocess.run(
        ["git", "-C", HERE, "describe", "--tags", "--abbrev=0"],  # noqa: S607  (found by PATH)
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or None


def _git(*arguments: str) -> None:
    subprocess.run(["git", "-C", HERE, *arguments], check=True)  # noqa: S607  (found by PATH)


if __name__ == "__main__":
    sys.exit(main())
