"""How a command ends: its exit code, and one line for whatever went wrong."""

from __future__ import annotations

import os
import sys
from enum import IntEnum
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

import typer

from redset._printing import safe

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Code", "Failure", "clean", "complain"]

P = ParamSpec("P")


class Code(IntEnum):
    """The exit codes, beside 0 for what was done."""

    NOTHING = 1
    """There was nothing to show, take or change, or what there is refuses it."""
    USAGE = 2
    """The command line asks for what cannot be."""
    SERVER = 3
    """The server failed, or could not be reached."""
    DATA = 4
    """What was read, a file or an item, is not what it should be."""
    INTERRUPTED = 130
    """Ended by Ctrl-C."""
    CLOSED = 141
    """Whoever read the output went away, as ``head`` does."""


class Failure(Exception):  # noqa: N818  (it is how a command ends)
    """The end of a command that cannot go on.

    Args:
        code: the exit code.
        message: one line that says why.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


def complain(message: str) -> None:
    """Write one line to the standard error output, whatever the message is.

    It may quote a server or a file, so what could steer a terminal is escaped.
    """
    line = safe(" ".join(message.split()))
    sys.stderr.write(f"redset: {line}\n")
    sys.stderr.flush()


def clean(command: Callable[P, int | None]) -> Callable[P, None]:
    """Return a command that ends with its exit code, without any traceback for what is no bug."""

    @wraps(command)
    def cleaned(*arguments: P.args, **options: P.kwargs) -> None:
        raise typer.Exit(_run(lambda: command(*arguments, **options)))

    return cleaned


def _run(command: Callable[[], int | None]) -> int:
    try:
        code = command()
        sys.stdout.flush()
    except Failure as failure:
        complain(str(failure))
        return failure.code
    except BrokenPipeError:
        _drop_output()
        return Code.CLOSED
    except OSError as error:  # of a file, which may be the output
        complain(str(error))
        _drop_output()
        return Code.DATA
    except KeyboardInterrupt:
        # The terminal shows ^C; what comes next begins on a line of its own.
        if sys.stderr.isatty():
            sys.stderr.write("\n")
        return Code.INTERRUPTED
    return code or 0


def _drop_output() -> None:
    """Let go of what cannot be written, so that the end of the process does not fail by it."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
