"""Every kind of backend that the tests run on, opened once for each test process."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Self, cast

import fakeredis
import redis
import redis.asyncio
import redis.asyncio.cluster
import redis.cluster
import valkey
import valkey.asyncio

import redset
from redset import connect, connect_async
from redset.backends import AsyncMemoryBackend, AsyncRedisBackend, MemoryBackend, RedisBackend
from redset.interfaces import Payload
from redset.testing import blocking
from redset.testing._blocking import Blocking
from tests.support.leaks import leaked_keys
from tests.support.servers import Kind, Sentinel, Server, start_cluster, start_sentinel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend, ShardableBackend

__all__ = ["KEYED_KINDS", "KINDS", "Backends", "LentBackend", "make_set"]

KINDS = [
    "memory",
    "memory-async",
    "fakeredis",
    "fakeredis-async",
    "redis-6.2",
    "redis-6.2-async",
    "valkey-8.1-resp2-decoded",
    "valkey-8.1-resp3-decoded-async",
    "valkey-9.1",
    "valkey-9.1-async",
    "valkey-9.1-by-valkey-py",
    "cluster",
    "cluster-async",
    "cluster-redis-6.2",
    "cluster-redis-6.2-async",
    "sentinel",
    "sentinel-async",
    "sentinel-valkey-9.1",
    "sentinel-valkey-9.1-async",
]

_OWNED = {
    "redis-6.2",
    "redis-6.2-async",
    "valkey-9.1",
    "valkey-9.1-async",
    "valkey-8.1-resp3-decoded-async",
    "valkey-9.1-by-valkey-py",
    "cluster",
    "cluster-async",
}
# Keyed views of some of them: of each store, and of each kind of client.
KEYED_KINDS = [
    "memory-keyed",
    "memory-async-keyed",
    "fakeredis-keyed",
    "redis-6.2-async-keyed",
    "valkey-9.1-keyed",
    "cluster-keyed",
]


class Backends:
    """Opens backends by kind, and their servers, when they are first asked for."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._servers: dict[str, Any] = {}
        self._backends: dict[str, ShardableBackend] = {}
        self._clients: dict[str, Callable[[], Any]] = {}
        self._observers: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def get(self, kind: str) -> ShardableBackend:
        """Return the backend of this kind; an asyncio one is made blocking.

        With ``-keyed`` behind the kind, it is a keyed view.
        """
        if kind not in self._backends:
            self._backends[kind] = self._open(kind)
        return self._backends[kind]

    @contextmanager
    def opened(self, kind: str, url: str) -> Iterator[ShardableBackend]:
        """Open a backend by its URL; that of a kind with asyncio is made blocking."""
        if kind.endswith("-async"):
            with blocking(lambda: connect_async(url)) as backend:
                yield backend
        else:
            with connect(url) as backend:
                yield backend

    def server(self, kind: str) -> Server:
        """Return the one server of this kind."""
        server: Server = self._serve(kind, lambda: Server(cast("Kind", kind)))
        return server

    def client(self, kind: str) -> Any:
        """Return a new client of what keeps the backend of this kind."""
        return self._client(kind)()

    def leaked_keys(self, kind: str, prefix: str) -> list[str]:
        """Return the keys that were left with this prefix where the kind keeps its sets."""
        kind = kind.removesuffix("-keyed")
        if kind.startswith("memory"):
            return _leaked_names(self.get(kind), prefix)
        kind = kind.removesuffix("-async")
        if kind not in self._observers:
            self._observers[kind] = self._stack.enter_context(closing(self.client(kind)))
        return leaked_keys(self._observers[kind], prefix)

    def _open(self, kind: str) -> ShardableBackend:
        if kind.endswith("-keyed"):
            return self.get(kind.removesuffix("-keyed")).keyed(Payload.WITH_SCORE)
        if kind == "memory":
            return MemoryBackend()
        if kind == "memory-async":
            return self._stack.enter_context(blocking(AsyncMemoryBackend))
        if kind.startswith("sentinel"):
            return self._open_sentinel(kind)
        make = self._client(kind)
        # A backend that does not own its client uses nothing beside it.
        owns = kind in _OWNED
        if kind.endswith("-async"):
            return self._stack.enter_context(blocking(lambda: _async_backend(make(), owns=owns)))
        return self._stack.enter_context(_backend(make(), owns=owns))

    def _open_sentinel(self, kind: str) -> ShardableBackend:
        setup = self._sentinels(kind)
        hosts = ",".join(f"{host}:{port}" for host, port in setup.addresses)
        url = f"redis+sentinel://{hosts}/{setup.service}"
        # It has a replica, so it stands for all that waits for some.
        wait: dict[str, Any] = {"wait_replicas": 1, "wait_timeout": 4}
        if kind.endswith("-async"):
            return self._stack.enter_context(blocking(lambda: connect_async(url, **wait)))
        backend = connect(url, **wait)
        self._stack.callback(backend.close)
        return backend

    def _sentinels(self, kind: str) -> Sentinel:
        version = _version(kind) or "redis-6.2"
        setup: Sentinel = self._serve(f"sentinel-{version}", lambda: start_sentinel(version))
        return setup

    def _serve(self, key: str, start: Callable[[], Any]) -> Any:
        if key not in self._servers:
            self._servers[key] = self._stack.enter_context(start())
        return self._servers[key]

    def _client(self, kind: str) -> Callable[[], Any]:
        if kind not in self._clients:
            self._clients[kind] = self._make_client(kind)
        return self._clients[kind]

    def _make_client(self, kind: str) -> Callable[[], Any]:
        is_async = kind.endswith("-async")
        if kind.startswith("fakeredis"):
            server = self._serve("fakeredis", lambda: nullcontext(fakeredis.FakeServer()))
            fake = fakeredis.FakeAsyncRedis if is_async else fakeredis.FakeRedis
            return lambda: fake(server=server)
        if kind.startswith("cluster"):
            version = _version(kind) or "valkey-9.1"
            cluster = self._serve(f"cluster-{version}", lambda: start_cluster(version, 3))
            port = cluster.servers[0].port
            clients: Any = redis.asyncio if is_async else redis
            return lambda: clients.RedisCluster(host="127.0.0.1", port=port)
        if kind.startswith("sentinel"):
            port = self._sentinels(kind).master.port
            return lambda: redis.Redis(port=port)
        port = self.server("-".join(kind.split("-")[:2])).port
        if "valkey-py" in kind:
            peer: Any = valkey.asyncio.Valkey if is_async else valkey.Valkey
            return lambda: peer(port=port)
        options: dict[str, Any] = {"decode_responses": "decoded" in kind}
        if "resp" in kind:
            options["protocol"] = 2 if "resp2" in kind else 3
        client: Any = redis.asyncio.Redis if is_async else redis.Redis
        return lambda: client(port=port, **options)


def _version(kind: str) -> Kind | None:
    """Return what servers a cluster or sentinels are of, if the kind says so."""
    _, _, version = kind.removesuffix("-async").partition("-")
    return cast("Kind", version) if version else None


@contextmanager
def _backend(client: Any, *, owns: bool) -> Iterator[ShardableBackend]:
    with closing(client), RedisBackend(client, owns=[client] if owns else []) as backend:
        yield backend


def _async_backend(client: Any, *, owns: bool) -> AsyncRedisBackend:
    if owns:
        return AsyncRedisBackend(client, owns=[client])
    return LentBackend(client)


class LentBackend(AsyncRedisBackend):
    """Closes its client without owning it, as whoever lent it would."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self._lent = client

    async def close(self) -> None:
        await super().close()
        close = self._lent.aclose if hasattr(self._lent, "aclose") else self._lent.close
        await close()


def _leaked_names(backend: ShardableBackend, prefix: str) -> list[str]:
    store: Any = getattr(backend, "_target", backend)
    store = getattr(store, "_store", store)
    parts = (store._sets, store._ledgers, store._payloads, store._dead, store._parcels)  # noqa: SLF001  (see above)
    return [name for part in parts for name in part if prefix in name]


def make_set(backend: Backend, kind: str, name: str, *arguments: Any, **options: Any) -> Any:
    """Make a set of the class ``kind``; on an asyncio backend its Async… twin, made blocking."""
    if isinstance(backend, Blocking):
        loop, target = backend._loop, backend._target  # noqa: SLF001  (there is no other way in)
        return Blocking(loop, getattr(redset, f"Async{kind}")(target, name, *arguments, **options))
    return getattr(redset, kind)(backend, name, *arguments, **options)
