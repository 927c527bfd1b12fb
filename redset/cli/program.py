"""The commands, put together."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import redset
from redset import demo
from redset.cli import changing, looking, measuring, moving, watching
from redset.cli.options import option
from redset.cli.running import Code, clean, complain

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["app", "run"]

app = typer.Typer(
    help="See what is in the sets of a Redis or Valkey server, and steer it.",
    epilog="Exit codes: 0 done, 1 there was nothing, 2 wrong usage, 3 the server failed, 4 a file "
    "or item is not what it should be, 130 Ctrl-C, 141 the reader of the output went away.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_GROUPS: dict[str, dict[str, Callable[..., int | None]]] = {
    "Look": {
        "ls": looking.list_sets,
        "show": looking.show,
        "peek": looking.peek,
        "claims": looking.claims,
        "dead": looking.dead,
        "watch": watching.watch,
    },
    "Change": {
        "add": changing.add,
        "pop": changing.pop,
        "take": changing.take,
        "redrive": changing.redrive,
        "clear": changing.clear,
    },
    "Move": {"export": moving.export, "import": moving.import_, "copy": moving.copy},
    "Try": {"bench": measuring.bench},
}
for _group, _commands in _GROUPS.items():
    for _name, _command in _commands.items():
        app.command(_name, rich_help_panel=_group)(clean(_command))


@app.command(
    "demo",
    rich_help_panel="Try",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
@clean
def _demo(ctx: typer.Context) -> int:
    """Crawl Python's own modules with several workers."""
    url = os.environ.get("REDSET_URL")
    # Of an option that is given twice, the last one counts.
    return demo.main([*(("--url", url) if url else ()), *ctx.args])


@app.callback(invoke_without_command=True)
def _begin(
    version: Annotated[bool, option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"redset {redset.__version__}")
        raise typer.Exit


def _fill_in() -> None:
    """Do without a stream that is closed, as by ``2>&-``: Python has None for it."""
    sys.stdin = sys.stdin or Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115  (kept open)
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if not sys.stdout:
        # What is taken from a set would be lost.
        complain("there is no output to write to")
        sys.exit(Code.DATA)


def run() -> None:
    """Run the command line, and leave with its exit code."""
    _fill_in()
    streams: tuple[Any, ...] = (sys.stdout, sys.stderr)
    for stream in streams:
        # What the encoding of a terminal does not have is escaped there.
        stream.reconfigure(errors="backslashreplace")
    app(prog_name="redset")
