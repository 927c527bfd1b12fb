"""Options of URLs: which there are is asked of the redis-py that is installed."""

from __future__ import annotations

import inspect
import math
import re
import ssl
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from redset._urls import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType

    from redset._urls import Address

    Parameters = Mapping[str, inspect.Parameter]

__all__ = ["connection_class", "read_options"]

# What other parts of a URL say.
_PLACES: Final = {"host", "port", "path", "url", "ssl"}
# What is for the sentinels alone.
_SENTINEL: Final = {"sentinel_username", "sentinel_password"}
# These are text, though not every version of redis-py says so.
_TEXTS: Final = {"force_master_ip", "ssl_ca_path", "ssl_ocsp_expected_cert", "ssl_password"}
_TRUE: Final = ("1", "on", "t", "true", "y", "yes")
_FALSE: Final = ("0", "off", "f", "false", "n", "no")
# What an annotation may say beside the types that are looked for.
_BESIDE: Final = {"class", "typing", "Union", "Optional", "None", "NoneType", "object", "ssl"}


class _Kind(NamedTuple):
    what: str
    read: Callable[[str], object]


def _flag(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError
    return text.lower() in _TRUE


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ValueError
    return int(text)


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError
    return number


_TEXT: Final = _Kind("a text", str)
# By the words of annotations, in the order in which they are looked for.
_KINDS: Final = {
    "bool": _Kind("true or false", _flag),
    "float": _Kind("a number of seconds", _seconds),
    "int": _Kind("a whole number", _whole),
    "str": _TEXT,
    "VerifyMode": _TEXT,
    "TLSVersion": _Kind("a version, such as TLSv1_2,", ssl.TLSVersion.__getitem__),
}


def read_options(clients: ModuleType, redis: ModuleType, address: Address) -> dict[str, Any]:
    """Return the options of a URL as arguments of a client of one of redis-py's two modules.

    Raises:
        ValueError: if one is not known, or its value is no good.
    """
    known = _known(clients, redis, address)
    connection = connection_class(clients, address)
    options: dict[str, Any] = {}
    for name, text in address.options.items():
        if name not in known:
            problem = f"{address.scheme}:// has no option {shown(name, address.doubtful)}"
        else:
            options[name] = _value(known[name], name, text, connection, redis)
            if options[name] is not None:
                continue
            problem = f"{name!r} of {address.scheme}:// takes {known[name].what} redis-py accepts"
        # Not from within an except clause: what was caught may show the value.
        message = f"{problem}; its options are {', '.join(sorted(known))}"
        raise ValueError(message)
    return options


def connection_class(clients: ModuleType, address: Address) -> type[Any]:
    """Return redis-py's class of connections to an address."""
    name = "SSLConnection" if address.encrypted else "Connection"
    if address.topology == "socket":
        name = "UnixDomainSocketConnection"
    found: type[Any] = getattr(clients.connection, name)
    return found


def _value(kind: _Kind, name: str, text: str, connection: type[Any], redis: ModuleType) -> object:
    """Return the value of an option, None if it is no good."""
    try:
        value = kind.read(text)
        if name in _parameters(connection):
            # redis-py judges what it knows better. Nothing is sent.
            connection(**{name: value}).encoder.encode("")
    except (LookupError, TypeError, ValueError, redis.RedisError):
        return None
    return value


def _known(clients: ModuleType, redis: ModuleType, address: Address) -> dict[str, _Kind]:
    """Return the options there are for an address, and how they are read."""
    client, cluster, sentinel = (
        inspect.signature(each).parameters
        for each in (clients.Redis, clients.RedisCluster, clients.Sentinel)
    )
    # The client hands its arguments to its connections, or the pool of them.
    names = client.keys() & (_parameters(connection_class(clients, address)) | {"max_connections"})
    if address.topology == "cluster":
        handed_on = redis.cluster.REDIS_ALLOWED_KEYS if "kwargs" in cluster else ()
        names = (cluster.keys() - client.keys()) | (names & {*cluster, *handed_on}) - {"db"}
    elif address.topology == "sentinel":
        names |= sentinel.keys() | _SENTINEL
    # The asyncio clients have annotations in every version.
    peers = (redis.asyncio.Redis, redis.asyncio.RedisCluster)
    said = [*(inspect.signature(each).parameters for each in peers), client, cluster, sentinel]
    kinds = {name: _kind(name, said) for name in names - _PLACES}
    return {name: kind for name, kind in kinds.items() if kind is not None}


def _parameters(connection: type) -> set[str]:
    makers = [vars(each)["__init__"] for each in connection.__mro__ if "__init__" in vars(each)]
    return {name for maker in makers for name in inspect.signature(maker).parameters}


def _kind(name: str, said: Iterable[Parameters]) -> _Kind | None:
    """Return what redis-py says of an option: None if it is no text, number or flag."""
    if name in _TEXTS | _SENTINEL:
        return _TEXT
    for parameters in said:
        if name in parameters:
            words = _words(parameters[name]) - _BESIDE
            if words and words <= _KINDS.keys():
                return next(kind for word, kind in _KINDS.items() if word in words)
    return None


def _words(parameter: inspect.Parameter) -> set[str]:
    """Return the words of a parameter's annotation, or of the type of its default."""
    if parameter.annotation is parameter.empty:
        return {type(parameter.default).__name__}
    return set(re.findall(r"\w+", str(parameter.annotation)))
