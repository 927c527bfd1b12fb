"""From a URL to a server, without showing what is secret in it."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote

from redis.exceptions import RedisClusterException, RedisError

from redset import connect
from redset.backends import RedisBackend
from redset.backends.sharded._naming import is_shard, set_name
from redset.cli.running import Code, Failure
from redset.exceptions import RedsetError, SealedError

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["SERVER", "failures", "hide", "opened", "place", "refuse_shard"]

SERVER: Final = "redis://localhost:6379"
"""Where commands look if they are not told."""

_SERVER_ERRORS: Final = (RedisError, RedisClusterException)  # which is none of the former


@contextmanager
def opened(url: str) -> Generator[RedisBackend]:
    """Open the server of a URL; whatever it fails with ends the command.

    Raises:
        Failure: if the URL is not that of a server, the server fails, or redset refuses what
            is asked of it.
    """
    try:
        backend = connect(url)
    except _SERVER_ERRORS as error:  # a cluster is asked at once
        raise _failure(error, url) from None
    except (ValueError, TypeError, RedsetError) as error:
        raise _unusable(error, url) from None
    if not isinstance(backend, RedisBackend):
        message = "memory:// lives and ends with one process, so it is always empty here: name a "
        raise Failure(Code.USAGE, message + "server, as --url redis://localhost:6379")
    with backend, failures(url):
        yield backend


@contextmanager
def failures(url: str) -> Generator[None]:
    """Let whatever the server of a URL fails with end the command; see `opened`."""
    try:
        yield
    except _SERVER_ERRORS as error:
        raise _failure(error, url) from None
    except (ValueError, SealedError) as error:  # by which redset refuses an argument, or a name
        raise Failure(Code.USAGE, str(error)) from error
    except RedsetError as error:  # of what there is of the set
        raise Failure(Code.NOTHING, str(error)) from error


def refuse_shard(name: str) -> None:
    """Let nothing be stored in a shard by its name, as most of it would belong to another.

    Raises:
        Failure: if that is the name of a shard.
    """
    if is_shard(name):
        message = f"{name!r} is a shard of {set_name(name)!r}: add to that by a program, as to a "
        raise Failure(Code.NOTHING, message + "ShardedSet, which finds the shard of each item")


def place(url: str) -> str:
    """Return where a URL leads to, without user, password and options."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def hide(text: str, url: str) -> str:
    """Return a text without what is secret in a URL, whole or in part.

    >>> hide("no such port: 'se'", "redis://me:se/cret@localhost")
    "no such port: '***'"
    """
    rest = url.partition("://")[2] or url
    user, colon, password = rest.rpartition("@")[0].partition(":")
    if not colon:
        password = user
    # A password that was not encoded may have been taken apart at any of these.
    parts = {password, *re.split(r"[:/?#@]", password)}
    parts |= {value for key, value in parse_qsl(rest.partition("?")[2]) if key.endswith("password")}
    secrets = {part for part in parts if part} | {unquote(part) for part in parts if part}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _failure(error: Exception, url: str) -> Failure:
    message = f"the server at {place(url)} failed: {hide(str(error), url)}"
    return Failure(Code.SERVER, message)


def _unusable(error: Exception, url: str) -> Failure:
    return Failure(Code.USAGE, f"the URL cannot be used: {hide(str(error), url)}")
