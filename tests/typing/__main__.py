"""Hold type checkers to the files beside this one: ``python -m tests.typing [checker …]``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.typing.checkers import CHECKERS, ROOT, CheckerError, check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MARK = "  # wrong: "

# A file and the number of a line in it.
_Place = tuple[Path, int]


def main() -> int:
    """Run the checkers one by one; return 1 if any of them disagrees with the files."""
    parser = argparse.ArgumentParser(prog="python -m tests.typing", description=__doc__)
    parser.add_argument("checkers", nargs="*", metavar="checker", help=", ".join(CHECKERS))
    names = parser.parse_args().checkers or list(CHECKERS)
    if unknown := sorted(set(names) - set(CHECKERS)):
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(CHECKERS)}")
    here = Path(__file__).resolve().parent
    positive, negative = sorted(here.glob("positive_*.py")), sorted(here.glob("negative_*.py"))
    wrong = {place: text for file in negative for place, text in _marks(file)}
    print(f"{len(positive)} files without errors; {len(wrong)} wrong lines in {len(negative)} more")
    disagreeing = [name for name in names if not _agrees(name, [*positive, *negative], wrong)]
    return 1 if disagreeing else 0


def _marks(file: Path) -> list[tuple[_Place, str]]:
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
    return [((file, number), line.partition(_MARK)[2]) for number, line in lines if _MARK in line]


def _agrees(name: str, files: Sequence[Path], wrong: Mapping[_Place, str]) -> bool:
    """Run one checker, and print each line of which it says other than its mark."""
    start = time.monotonic()
    try:
        findings = check(name, files)
    except CheckerError as error:
        print(f"{name}: {error}")
        return False
    found: dict[_Place, str] = {}
    for finding in findings:
        found.setdefault((finding.path, finding.line), finding.message)
    differences = {place: f"+ {found[place]}" for place in found.keys() - wrong.keys()}
    differences |= {place: f"- wrong: {wrong[place]}" for place in wrong.keys() - found.keys()}
    outcome = f"{len(differences)} differences" if differences else "agrees"
    print(f"{name}: {outcome} ({time.monotonic() - start:.1f} s)")
    for (path, line), text in sorted(differences.items()):
        place = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        print(f"  {place}:{line}: {text}")
    return not differences


if __name__ == "__main__":
    sys.exit(main())
