"""Where modules are, and what they import."""

from __future__ import annotations

import ast
import pkgutil
import sys
import sysconfig
import threading
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Library"]

# In earlier releases of Python 3.11 and 3.12, parsers in two threads may fail one another:
# https://github.com/python/cpython/issues/106905
_parsing = nullcontext() if sys.version_info >= (3, 13) else threading.Lock()


class Library:
    """The modules that a crawl may meet, and the files that hold them.

    Args:
        files: the file of each module by its full name; what is no ``.py`` file, such as a
            module built into Python, counts as empty.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files
        self._children: dict[str, list[str]] = {}
        for name in sorted(files):
            self._children.setdefault(name.rpartition(".")[0], []).append(name)

    @classmethod
    def standard(cls) -> Library:
        """Return the standard library of the Python that runs this."""
        folder = Path(sysconfig.get_path("stdlib"))
        builtin = ((name, Path(name)) for name in sys.builtin_module_names)
        files = chain(builtin, _files(folder / "lib-dynload"), _files(folder))
        names = sys.stdlib_module_names
        return cls({name: file for name, file in files if name.partition(".")[0] in names})

    @classmethod
    def at(cls, folder: Path) -> Library:
        """Return the modules and packages in a folder, such as a program's own."""
        return cls(dict(_files(folder)))

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def children(self, package: str = "") -> list[str]:
        """Return the direct submodules of a package, those at the top by default."""
        return self._children.get(package, [])

    def size(self, name: str) -> int:
        """Return the size of a module's source in bytes."""
        source = self._source(name)
        return source.stat().st_size if source else 0

    def imports(self, name: str) -> set[str]:
        """Return the modules of this library that a module imports, anywhere in its code.

        Raises:
            SyntaxError: if its source cannot be parsed; in some versions of Python also
                another `ValueError`.
        """
        source = self._source(name)
        if source is None:
            return set()
        package = name if source.name == "__init__.py" else name.rpartition(".")[0]
        imported: set[str] = set()
        with _parsing:
            tree = ast.parse(source.read_bytes())
        for node in ast.walk(tree):
            for wanted in _wanted(node, package):
                imported.update(self._along(wanted))
        return imported - {name}

    def _source(self, name: str) -> Path | None:
        file = self._files.get(name)
        return file if file and file.suffix == ".py" and file.is_file() else None

    def _along(self, wanted: str) -> Iterator[str]:
        """Give ``a``, ``a.b`` and ``a.b.c`` for ``a.b.c``, as far as they are modules."""
        end = wanted.find(".")
        while end >= 0:
            if wanted[:end] in self:
                yield wanted[:end]
            end = wanted.find(".", end + 1)
        if wanted in self:
            yield wanted


def _files(folder: Path, package: str = "") -> Iterator[tuple[str, Path]]:
    for module in pkgutil.iter_modules([str(folder)], package):
        last = module.name.removeprefix(package)
        if module.ispkg:
            yield module.name, folder / last / "__init__.py"
            yield from _files(folder / last, f"{module.name}.")
        else:
            yield module.name, folder / f"{last}.py"


def _wanted(node: ast.AST, package: str) -> list[str]:
    """Return the dotted names that an import statement asks for; the last part may be none."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = package.split(".") if node.level else []
    # One dot is the package itself, each further one leads a level up.
    base = base[: max(len(base) + 1 - node.level, 0)]
    base += [node.module] if node.module else []
    return [".".join([*base, alias.name]) for alias in node.names]
