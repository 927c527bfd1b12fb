"""What is shown on terminals and in logs, where bytes of others must do nothing."""

from __future__ import annotations

__all__ = ["safe"]


def safe(text: str) -> str:
    r"""Return a text with escapes for all that does not print, and so for what steers terminals.

    >>> safe("red: \x1b[31m, a line\n")
    'red: \\x1b[31m, a line\\n'
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
