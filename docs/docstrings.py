"""Makes Markdown of docstrings, for the reference: examples are fenced, and names are links."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import griffe

if TYPE_CHECKING:
    from collections.abc import Mapping

# Where names are public, besides the package itself.
_MODULES = (
    *("interfaces", "serializers", "backends", "exceptions", "testing"),
    *("metrics", "metrics.prometheus", "metrics.opentelemetry"),
)
_EXAMPLE = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)
_NAME = re.compile(r"(?<![`\[])`([A-Za-z_.]+)`(?![`\]])")


class Docstrings(griffe.Extension):
    """Edits the docstrings of a package that has been read."""

    def on_package(self, *, pkg: griffe.Module, **_: object) -> None:
        """Edit each of them; what builds the reference calls this once."""
        places = {
            name: f"{module.path}.{name}"
            for module in (*(pkg[part] for part in _MODULES), pkg)
            for name in module.exports or ()
            if module[name].docstring is not None
        }
        places |= {path: path for path in places.values()}
        for each in _objects(pkg):
            if each.docstring is not None:
                each.docstring.value = _markdown(each.docstring.value, places)


def _objects(top: griffe.Object) -> list[griffe.Object]:
    found, left = [], [top]
    while left:
        each = left.pop()
        found.append(each)
        left += [member for member in each.members.values() if isinstance(member, griffe.Object)]
    return found


def _markdown(text: str, places: Mapping[str, str]) -> str:
    def link(match: re.Match[str]) -> str:
        name, dot, member = match[1], "", ""
        if name not in places:  # a method, perhaps
            name, dot, member = name.rpartition(".")
        return f"[{match[0]}][{places[name]}{dot}{member}]" if name in places else match[0]

    return _EXAMPLE.sub(r"```pycon\n\g<0>\n```", _NAME.sub(link, text))
