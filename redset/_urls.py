"""URLs taken apart. They may hold secrets, so messages show a scheme and names of options only."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

__all__ = ["Address", "parse", "shown"]

# Where each scheme leads, and whether by TLS.
_SCHEMES: Final = {"memory": ("memory", False), "unix": ("socket", False)} | {
    scheme + suffix: (topology, scheme in {"rediss", "valkeys"})
    for scheme in ("redis", "rediss", "valkey", "valkeys")
    for suffix, topology in {"": "server", "+cluster": "cluster", "+sentinel": "sentinel"}.items()
}
_REST: Final = re.compile(r"(?:([^/?#]*)@)?([^/?#@]*)(/[^?#]*)?(?:\?([^#]*))?")
_HOST: Final = re.compile(r"(?:\[([^\[\]]+)\]|([^\[\]:]*))(?::([0-9]{1,5}))?")
_NAME: Final = re.compile(r"[a-z][a-z0-9_+.-]*")

_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
_HIGHEST_PORT: Final = 65535
_QUOTE: Final = "write / ? # @ & % in a password as urllib.parse.quote(password, safe='') does"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a URL leads.

    Args:
        scheme: as it was written.
        topology: memory, socket, server, cluster or sentinel.
        encrypted: whether connections are by TLS.
        hosts: host and port of each, if there are hosts.
        name: the path of a socket, the service that sentinels watch, or a store in memory.
        options: all else as text, by redis-py's names, user and password among it.
        doubtful: names of options that may be part of a secret that was not quoted.
    """

    scheme: str
    topology: str
    encrypted: bool
    hosts: list[tuple[str, int]]
    name: str
    options: dict[str, str] = field(repr=False)
    doubtful: frozenset[str] = field(default=frozenset(), repr=False)


def parse(url: object, given: Mapping[str, str | None]) -> Address:
    """Take a URL apart; options that are ``given`` beside it are added to those in it.

    Raises:
        TypeError: if it is no text.
        ValueError: if it is not understood.
    """
    if not isinstance(url, str):
        message = f"a URL is a str, not {type(url).__name__}: hand a client to the set itself"
        raise TypeError(message)
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in _SCHEMES:
        message = (
            f"cannot connect by {shown(scheme) if separator else 'no scheme'}: use memory://, "
            "redis://, rediss://, unix://, valkey:// or valkeys://; servers also with +cluster "
            "or +sentinel"
        )
        raise ValueError(message)
    topology, encrypted = _SCHEMES[scheme]
    parts = _REST.fullmatch(rest)
    if parts is None or "@" in (parts[4] or ""):
        message = f"a {scheme}:// URL has no '#', and no '@' after a '?': {_QUOTE}"
        raise ValueError(message)
    login, places, path, query = parts.groups(default="")
    hosts = _hosts(scheme, topology, places)
    name, database = _name(scheme, topology, places, path)
    queried = list(_query(scheme, query))
    doubtful = _after_a_password(queried)
    asked = [*_login(login), *database, *queried]
    asked += [(option, value) for option, value in given.items() if value is not None]
    options: dict[str, str] = {}
    for option, value in asked:
        if option in options:
            which = shown(option, doubtful)
            message = f"{which} is given twice to {scheme}://: by the URL, or beside it"
            raise ValueError(message)
        options[option] = value
    return Address(scheme, topology, encrypted, hosts, name, options, doubtful)


def shown(word: str, doubtful: Container[str] = ()) -> str:
    """Return a word for a message, unless it may be part of a secret that was not quoted."""
    if word in doubtful or not _NAME.fullmatch(word):
        return "what is not shown, as it may be secret"
    return repr(word)


def _hosts(scheme: str, topology: str, places: str) -> list[tuple[str, int]]:
    if topology in {"memory", "socket"}:
        return []
    port = _SENTINEL_PORT if topology == "sentinel" else _PORT
    if topology == "server":
        return [_host(scheme, places or "localhost", port)]
    if not places:
        message = f"a {scheme}:// URL names its hosts: {scheme}://host:{port},host:{port}"
        raise ValueError(message)
    return [_host(scheme, place, port) for place in places.split(",")]


def _host(scheme: str, place: str, default: int) -> tuple[str, int]:
    parts = _HOST.fullmatch(place)
    port = int(parts[3] or default) if parts else 0
    host = unquote(parts[1] or parts[2]) if parts else ""
    if not host or "," in host or not 0 < port <= _HIGHEST_PORT:
        many = "" if scheme.partition("+")[1] else ", and one server has one host"
        message = (
            f"the host or port of a {scheme}:// URL is not understood: it is "
            f"{scheme}://user:password@host:{default}{many}; {_QUOTE}"
        )
        raise ValueError(message)
    return host, port


def _name(scheme: str, topology: str, places: str, path: str) -> tuple[str, list[tuple[str, str]]]:
    """Return what a path names beside a database, and the database as an option."""
    if topology == "memory":
        if path:
            message = "a memory:// URL has a name and no more: memory:// or memory://name"
            raise ValueError(message)
        return places, []
    if topology == "socket":
        if places or not path:
            message = f"a {scheme}:// URL has the path of a socket: {scheme}:///tmp/redis.sock"
            raise ValueError(message)
        return unquote(path), []
    if "@" in path:
        message = f"a {scheme}:// URL has no '@' after a '/': {_QUOTE}"
        raise ValueError(message)
    if topology == "sentinel":
        service, _, database = path.strip("/").partition("/")
        if not service:
            message = f"a {scheme}:// URL names a service: {scheme}://host:{_SENTINEL_PORT}/service"
            raise ValueError(message)
        return unquote(service), [("db", unquote(database))] if database else []
    database = path.strip("/")
    if topology == "cluster" and database == "0":
        return "", []  # the one there is
    return "", [("db", unquote(database))] if database else []


def _login(login: str) -> Iterator[tuple[str, str]]:
    user, _, password = login.partition(":")
    if user:
        yield "username", unquote(user)
    if password:
        yield "password", unquote(password)


def _query(scheme: str, query: str) -> Iterator[tuple[str, str]]:
    for part in query.split("&") if query else ():
        option, _, value = part.partition("=")
        if not value:
            message = f"an option of a {scheme}:// URL has no value, or part of a secret: {_QUOTE}"
            raise ValueError(message)
        yield unquote(option), unquote(value)


def _after_a_password(queried: Sequence[tuple[str, str]]) -> frozenset[str]:
    """Return the names of options that may be the rest of a password with an ``&``."""
    names = [option for option, _ in queried]
    first = next((i for i, name in enumerate(names) if name.endswith("password")), len(names))
    return frozenset(names[first + 1 :])
