"""The figures of a run as a file, from which the page can be made again, or a part replaced."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Place, Result

if TYPE_CHECKING:
    from pathlib import Path

# What the figures depend on most.
_PACKAGES = (
    *("redis", "hiredis", "msgspec", "fakeredis", "burner-redis", "sortedcontainers", "cachetools"),
    *("rq", "huey", "saq", "dramatiq", "pydocket"),
)


@dataclass
class Part:
    """What one part found, and where."""

    machine: str
    results: list[Result]
    is_quick: bool = False
    seconds: float = 0.0


@dataclass
class Figures:
    """What each part found when it was last run."""

    parts: dict[str, Part] = field(default_factory=dict[str, Part])

    def named(self, part: str, name: str) -> Result | None:
        """Return one result by its name, None if it was not found yet."""
        results = self.parts[part].results if part in self.parts else []
        return next((each for each in results if each.name == name), None)

    def in_order(self) -> list[tuple[str, Part]]:
        """Return the parts by their names: the page must not tell which was run first."""
        return sorted(self.parts.items())

    def plotted(self, plot: str) -> list[Result]:
        """Return what stands in one plot."""
        results = [each for _, part in self.in_order() for each in part.results]
        return [each for each in results if each.place is not None and each.place.plot == plot]

    def save(self, path: Path) -> None:
        """Write a file that is the same for the same figures."""
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = {name: asdict(part) for name, part in self.in_order()}
        path.write_text(json.dumps(parts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Figures:
        """Read the file; there are no figures if there is none."""
        if not path.exists():
            return cls()
        parts: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return cls({name: Part(**{**part, "results": _read(part)}) for name, part in parts.items()})


def _read(part: dict[str, Any]) -> list[Result]:
    return [
        Result(**{**each, "place": Place(*each["place"]) if each["place"] else None})
        for each in part["results"]
    ]


def machine() -> str:
    """Return what the figures of this run depend on, in one line."""
    cores = len(os.sched_getaffinity(0))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return ", ".join([f"{cores} cores", python, "Valkey 9.1", *_versions()])


def _versions() -> list[str]:
    found: list[str] = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return found
