"""URLs: how they are understood, what of them is refused, and that nothing secret is shown."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import redis
import redis.asyncio

from redset import AsyncSortedSet, SortedSet, connect, connect_async
from redset.backends import AsyncRedisBackend, RedisBackend
from redset.testing import blocking
from tests.support.servers import Server, start_sentinel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Open = Callable[..., Any]

# Nobody listens there.
NOWHERE = "127.0.0.1:1"
PASSWORD = "a/b?c#d@e:f&g%41+h i"  # noqa: S105  (of servers of our own)
QUOTED = quote(PASSWORD, safe="")


@pytest.fixture(params=[connect, connect_async])
def open_url(request: pytest.FixtureRequest) -> Open:
    opened: Open = request.param
    return opened


def arguments(open_url: Open, url: str, **credentials: Any) -> dict[str, Any]:
    """Return the arguments of the connections that would be made."""
    backend = open_url(url, **credentials)
    given: dict[str, Any] = backend._client.get_connection_kwargs()  # noqa: SLF001  (nobody else tells)
    return given


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://", ("localhost", 6379, None)),
        ("redis://example.com", ("example.com", 6379, None)),
        ("VALKEY://example.com:1234/", ("example.com", 1234, None)),
        ("redis://[::1]:1234/3", ("::1", 1234, 3)),
        ("rediss://[2001:db8::1]", ("2001:db8::1", 6379, None)),
        ("redis://example.com?db=7", ("example.com", 6379, 7)),
        ("redis://ex%61mple.com/%37", ("example.com", 6379, 7)),
    ],
)
def test_places(open_url: Open, url: str, expected: tuple[str, int, int | None]) -> None:
    given = arguments(open_url, url)
    assert (given["host"], given["port"], given.get("db")) == expected


def test_a_path_of_a_socket_is_decoded(open_url: Open) -> None:
    given = arguments(open_url, "unix:///run/a%20b@c/redis.sock?db=2")
    assert (given["path"], given["db"]) == ("/run/a b@c/redis.sock", 2)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("decode_responses=true", True),
        ("decode_responses=False", False),
        ("socket_keepalive=off", False),
        ("socket_timeout=2.5", 2.5),
        ("health_check_interval=30", 30),
        ("protocol=3", 3),
        ("client_name=a%20b", "a b"),
        ("encoding=latin-1", "latin-1"),
        ("ssl_cert_reqs=none", "none"),
    ],
)
def test_options_have_the_types_that_the_client_takes(
    open_url: Open, option: str, value: object
) -> None:
    given = arguments(open_url, f"rediss://{NOWHERE}?{option}")
    assert given[option.partition("=")[0]] == value
    assert type(given[option.partition("=")[0]]) is type(value)


def test_no_more_connections_than_asked_for(open_url: Open) -> None:
    backend = open_url(f"redis://{NOWHERE}?max_connections=3")
    assert backend._client.connection_pool.max_connections == 3  # noqa: SLF001


def test_the_oldest_tls_is_named(open_url: Open) -> None:
    import ssl

    given = arguments(open_url, f"rediss://{NOWHERE}?ssl_min_version=TLSv1_3")
    assert given["ssl_min_version"] is ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize(
    ("place", "option"),
    [
        (f"redis://{NOWHERE}", "sokcet_timeout=1"),
        (f"redis://{NOWHERE}", "ssl_ca_certs=x"),
        (f"redis://{NOWHERE}", "host=elsewhere"),
        (f"redis://{NOWHERE}", "retry=3"),
        (f"redis://{NOWHERE}", "credential_provider=x"),
        (f"redis://{NOWHERE}", "sentinel_password=x"),
        ("unix:///tmp/x", "socket_keepalive=true"),
        (f"redis+cluster://{NOWHERE}", "db=0"),
        (f"redis+cluster://{NOWHERE}", "startup_nodes=x"),
        (f"redis+cluster://{NOWHERE}", "ssl_keyfile=x"),
        (f"redis+sentinel://{NOWHERE}/x", "sentinel_kwargs=x"),
        (f"redis+sentinel://{NOWHERE}/x", "sentinel_db=1"),
    ],
)
def test_unknown_options_are_refused(open_url: Open, place: str, option: str) -> None:
    name = option.partition("=")[0]
    with pytest.raises(ValueError, match=f"has no option '{name}'; its options are ") as caught:
        open_url(f"{place}?{option}")
    known = str(caught.value).rpartition(" are ")[2].split(", ")
    assert name not in known
    assert known == sorted(known)
    assert {"client_name", "decode_responses", "password", "socket_timeout"} <= {*known}
    assert ("db" in known) is ("cluster" not in place)
    assert ("sentinel_username" in known) is ("sentinel" in place)
    assert ("require_full_coverage" in known) is ("cluster" in place)


@pytest.mark.parametrize(
    "option",
    [
        "socket_timeout=soon",
        "socket_timeout=0",
        "socket_timeout=-1",
        "socket_connect_timeout=nan",
        "socket_connect_timeout=inf",
        "db=first",
        "db=-1",
        "db=1.5",
        "max_connections=many",
        "decode_responses=maybe",
        "protocol=4",
        "encoding=runes",
        "ssl_cert_reqs=perhaps",
        "ssl_min_version=SSLv9",
    ],
)
def test_bad_values_are_refused(open_url: Open, option: str) -> None:
    name, _, value = option.partition("=")
    with pytest.raises(ValueError, match=f"'{name}' of rediss:// takes a?") as caught:
        open_url(f"rediss://{NOWHERE}?client_name=x&{option}")
    assert "its options are client_name, db, " in str(caught.value)
    # It may be part of a secret.
    assert value not in str(caught.value).partition(";")[0]
    assert caught.value.__context__ is None


def test_options_of_each_kind_of_client_are_its_own() -> None:
    """A blocking client of a cluster drops what it does not know."""
    with pytest.raises(ValueError, match="no option 'ssl_min_version'"):
        connect(f"rediss+cluster://{NOWHERE}?ssl_min_version=TLSv1_2")
    connect_async(f"rediss+cluster://{NOWHERE}?ssl_min_version=TLSv1_2")


@pytest.mark.parametrize(
    ("url", "option"),
    [
        ("redis://x?db=1&db=1", "db"),
        ("redis://x/1?db=1", "db"),
        ("redis://a@x?username=a", "username"),
        ("redis://:a@x?password=a", "password"),
        ("redis+sentinel://x/name/1?db=1", "db"),
        ("redis+cluster://x?client_name=a&client_name=b", "client_name"),
    ],
)
def test_options_are_given_once(open_url: Open, url: str, option: str) -> None:
    with pytest.raises(ValueError, match=f"'{option}' is given twice"):
        open_url(url)


def test_credentials_beside_a_url_with_others(open_url: Open) -> None:
    with pytest.raises(ValueError, match="'password' is given twice"):
        open_url("redis://:a@x", password=PASSWORD)
    with pytest.raises(ValueError, match="'username' is given twice"):
        open_url("redis://a@x", username="b")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("redis://a,b", "one server has one host"),
        ("redis://a:b:c", "host or port"),
        ("redis://a:0", "host or port"),
        ("redis://a:65536", "host or port"),
        ("redis://:6379", "host or port"),
        ("redis://[::1", "host or port"),
        ("redis+cluster://a,,b", "host or port"),
        ("redis+cluster://", "names its hosts"),
        ("redis+sentinel:///name", "names its hosts"),
        ("redis+sentinel://a", "names a service"),
        ("redis://a/b", "'db' of redis:// takes a whole number"),
        ("redis+cluster://a/1", "no option 'db'"),
        ("redis+sentinel://a/name/b", "'db' of redis.sentinel:// takes a whole number"),
        ("unix://tmp/redis.sock", "path of a socket"),
        ("unix://", "path of a socket"),
        ("redis://a?db", "no value, or part of a secret"),
        ("redis://a?db=", "no value, or part of a secret"),
        ("redis://a?DB=1", "no option what is not shown"),
        ("redis://a?password=b&sokcet_timeout=1", "no option what is not shown"),
        ("redis://:b@a?sokcet_timeout=1", "no option 'sokcet_timeout'"),
        ("redis://a/b@c", "no '@' after a '/'"),
        ("redis://a#b", "has no '#'"),
    ],
)
def test_what_is_not_understood_is_refused(open_url: Open, url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        open_url(url)


# Servers with users and passwords


def use(url: str, name: str, **credentials: Any) -> None:
    """Use a set by URL, blocking and asyncio."""
    with connect(url, **credentials) as backend:
        s = SortedSet(backend, name)
        s.add("a", 1)
        assert s.pop() == "a"
    with blocking(lambda: connect_async(url, **credentials)) as backend:
        assert backend.length(name) == 0


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    with Server("valkey-9.1") as server:
        everything = ("~*", "&*", "+@all")
        server.call("ACL", "SETUSER", "a:b", "on", f">{PASSWORD}", *everything)
        server.call("ACL", "SETUSER", "default", "resetpass", f">{PASSWORD}")
        yield server


def test_users_and_passwords(guarded: Server, name: str) -> None:
    place = f"127.0.0.1:{guarded.port}"
    use(f"redis://a%3Ab:{QUOTED}@{place}", name)
    use(f"redis://:{QUOTED}@{place}", name)
    use(f"redis://{place}?username=a%3Ab&password={QUOTED}", name)
    use(f"redis://{place}", name, username="a:b", password=PASSWORD)
    use(f"redis://a%3Ab@{place}?protocol=3", name, password=PASSWORD)
    use(f"unix://a%3Ab:{QUOTED}@{guarded.unix_socket}", name)
    use(f"unix://{guarded.unix_socket}", name, password=PASSWORD)


def test_sentinels_with_users_of_their_own(name: str) -> None:
    with start_sentinel("valkey-9.1", replicas=0) as setup:
        everything = ("~*", "&*", "+@all")
        setup.master.call("ACL", "SETUSER", "worker", "on", f">{PASSWORD}", *everything)
        (sentinel,) = setup.sentinels
        sentinel.call("ACL", "SETUSER", "seeker", "on", ">seek", *everything)
        sentinel.call("ACL", "SETUSER", "default", "resetpass", ">guard")
        # The first is down, so the next is asked, at once.
        places = f"{NOWHERE},127.0.0.1:{sentinel.port}/{setup.service}"
        for seeker in (
            "sentinel_username=seeker&sentinel_password=seek",
            "sentinel_password=guard",
        ):
            use(f"redis+sentinel://worker:{QUOTED}@{places}?{seeker}", name)
        with pytest.raises(redis.ConnectionError, match="No master found") as caught:
            use(f"redis+sentinel://worker:{QUOTED}@{places}", name)
        assert "sentinel_password" in "".join(caught.value.__notes__)


# Secrets

ERRORS = (OSError, TypeError, ValueError, redis.RedisError, redis.exceptions.RedisClusterException)


def texts(error: BaseException) -> str:
    """Return all that an error and those behind it can show."""
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and each not in seen:
            seen.append(each)
            waiting += [each.__cause__, each.__context__]
    shown = [f"{each} {each!r} {each.args} {vars(each)}" for each in seen]
    return "".join([*shown, *traceback.format_exception(error)])


def said_of(url: Any, **credentials: Any) -> str:
    """Return what is shown when a URL is used: errors, what backends and clients are called."""
    said: list[str] = []

    def opened() -> Any:
        backend: Any = connect_async(url, **credentials)
        clients = (backend._client, *backend._owns)  # noqa: SLF001  (nobody else shows them)
        said.extend(map(repr, (backend, AsyncSortedSet(backend, "x"), *clients)))
        return backend

    try:
        with blocking(opened) as peer:
            peer.length("x")
    except ERRORS as error:
        said.append(texts(error))
    try:
        with connect(url, **credentials) as opened_backend:
            backend: Any = opened_backend
            clients = (backend._client, *backend._owns)  # noqa: SLF001
            said += map(repr, (backend, SortedSet(backend, "x"), *clients))
            backend.length("x")
    except ERRORS as error:
        said.append(texts(error))
    return "\n".join(said)


@pytest.mark.parametrize("between", ["-", "/", "?", "#", "@", "&"])
def test_secrets_are_not_shown(
    between: str, guarded: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = f"hush{between}hush"
    places = [
        "redis://{}@{}",
        "redis://user:{}@{}",
        "redis://user:12{}@{}",
        "redis://user:12/{}@{}",
        "redis+cluster://user:12/{}@{}",
        "redis+sentinel://user:12/{}@{}",
        "rediss://:{}@{}",
        "unix://user:{}@/tmp/none",
        "redis://{1}?username={0}",
        "redis://{1}?password={0}",
        "redis://{1}?password={0}&unknown=1",
        "redis://{1}?password={0}=1",
        "redis://{1}?password={0}=1&{0}=1",
        "redis://{1}?password={0}&db=x",
        "redis://{1}?unknown={0}",
        "redis://{1}?socket_timeout={0}",
        "redis://{1}?db={0}",
        "redis://{1}?password={0}&password={0}",
        "redis://{1}/{0}",
        "rediss://{1}?ssl_password={0}&ssl_certfile=/none&ssl_keyfile=/none",
        "redis+sentinel://user:{}@{}/service",
        "redis+sentinel://{1}/service?sentinel_username={0}",
        "redis+sentinel://{1}/service?sentinel_password={0}",
        "redis+sentinel://{1}/service?sentinel_password={0}&password={0}&unknown=1",
        "rediss+sentinel://{1}/service?ssl_password={0}&ssl_certfile=/none&ssl_keyfile=/none",
        "memory://user:{}@{}",
        "http://user:{}@{}",
        "user:{}@{}",
        ":{}@{}",
        "{}@{}",
    ]
    writings = {secret, quote(secret, safe="")}
    said = [said_of(place.format(each, NOWHERE)) for place in places for each in writings]
    for scheme in ("redis", "redis+cluster"):
        wrong = f"{scheme}://user:{quote(secret, safe='')}@127.0.0.1:{guarded.port}"
        said.append(said_of(wrong))
        assert "invalid username-password pair" in said[-1]
    said.append(said_of(f"redis://{NOWHERE}", username=secret, password=secret))
    said.append(said_of(f"redis://:x@{NOWHERE}", password=secret))
    said.append(said_of(f"redis://:{secret}@{NOWHERE}".encode()))
    assert [each for each in (*said, caplog.text) if "hush" in each] == []
    assert all(said)


@pytest.mark.parametrize("made", [SortedSet, AsyncSortedSet, RedisBackend, AsyncRedisBackend])
def test_a_url_in_the_place_of_a_client_is_not_shown(made: Any) -> None:
    for wrong in ("redis://:hush@localhost", redis.ConnectionPool(password="hush")):  # noqa: S106
        with pytest.raises(TypeError) as caught:
            made(wrong, "x") if "Set" in made.__name__ else made(wrong)
        assert "hush" not in texts(caught.value)
        assert type(wrong).__name__ in str(caught.value)
