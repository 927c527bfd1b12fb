"""The arguments and options that commands share, each described once."""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer

from redset._checks import check_name
from redset.cli.completing import complete_names
from redset.interfaces import Merge

__all__ = [
    "AsJSON",
    "Count",
    "Merging",
    "Name",
    "Names",
    "Reading",
    "Start",
    "Url",
    "argument",
    "duration",
    "option",
]


def option(*names: str, **details: Any) -> Any:  # noqa: ANN401  (Typer's own are not typed in full)
    """Describe an option; see ``typer.Option``."""
    return typer.Option(*names, **details)  # pyright: ignore[reportUnknownMemberType]


def argument(**details: Any) -> Any:  # noqa: ANN401  (Typer's own are not typed in full)
    """Describe an argument; see ``typer.Argument``."""
    return typer.Argument(**details)  # pyright: ignore[reportUnknownMemberType]


def duration(*names: str, **details: Any) -> Any:  # noqa: ANN401  (see `option`)
    """Describe an option that is a length of time, which "nan" is not."""
    return option(*names, callback=_checked_duration, **details)


def _checked_duration(given: float | None) -> float | None:
    # No bound refuses it, as it is neither less nor more than any.
    if given is not None and math.isnan(given):
        message = "it is a number of seconds"
        raise typer.BadParameter(message)
    return given


def _checked(name: str) -> str:
    """Return the name of a set, which must be one that a store can hold."""
    try:
        return check_name(name)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _all_checked(names: list[str]) -> list[str]:
    return [_checked(name) for name in names]


Url = Annotated[
    str,
    option(
        "--url",
        envvar="REDSET_URL",
        show_envvar=True,
        help="The server. A password is better in REDSET_URL, where others do not see it.",
    ),
]
AsJSON = Annotated[bool, option("--json", help="Print JSON, one object a line.")]
Name = Annotated[
    str,
    argument(help="The name of the set.", autocompletion=complete_names, callback=_checked),
]
Names = Annotated[
    list[str],
    argument(help="The names of the sets.", autocompletion=complete_names, callback=_all_checked),
]
Reading = Annotated[
    str,
    option(
        "--serializer",
        metavar="raw|text|json|msgpack|pickle|MODULE:NAME",
        help="How to read items; raw shows bytes as text. Unpickling runs code in the data.",
    ),
]
Count = Annotated[int, option("--num", "-n", min=1, help="How many at most.")]
Start = Annotated[int, option("--start", min=0, help="How many to pass over.")]
Merging = Annotated[
    Merge, option("--merge", help="Which score an item keeps that is there already.")
]
