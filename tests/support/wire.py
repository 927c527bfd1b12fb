"""Just enough of the Redis protocol to set servers up without a client library."""

import socket
from pathlib import Path
from typing import IO, TypeAlias

Reply: TypeAlias = "bytes | int | list[Reply] | None"


class WireError(Exception):
    """The server answered with an error."""


def encode(*words: str | int | bytes) -> bytes:
    """Return one command as the bytes that a client sends."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    body = b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
    return b"*%d\r\n%b" % (len(parts), body)


def call(
    path: Path, *words: str | int | bytes, password: str | None = None, timeout: float = 5.0
) -> Reply:
    """Send one command to the server at a unix socket and return its reply.

    Raises ``WireError`` for an error reply and ``OSError`` when there is no answer.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(str(path))
        with connection.makefile("rb") as stream:
            if password is not None:
                connection.sendall(encode("AUTH", password))
                _read(stream)
            connection.sendall(encode(*words))
            return _read(stream)


def _read(stream: IO[bytes]) -> Reply:
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        msg = "the server closed the connection"
        raise ConnectionError(msg)
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        raise WireError(rest.decode(errors="replace"))
    if kind == b"+":
        return rest
    number = int(rest)
    if kind == b":":
        return number
    if number < 0:
        return None
    if kind == b"$":
        return stream.read(number + 2)[:-2]
    return [_read(stream) for _ in range(number)]


def pairs(reply: Reply) -> dict[str, str]:
    """Return a flat list of names and values, or the lines of INFO, as a dict."""
    if isinstance(reply, bytes):
        lines = reply.decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)
    if not isinstance(reply, list):
        msg = f"expected a list or text, not {reply!r}"
        raise WireError(msg)
    texts = [word.decode() if isinstance(word, bytes) else str(word) for word in reply]
    return dict(zip(texts[::2], texts[1::2], strict=True))
