"""A TCP proxy in front of a server that loses replies, requests and connections on command."""

import contextlib
import random
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, Self, TypeVar

HOST: Final = "127.0.0.1"
_CHUNK: Final = 65_536
_LATENESS: Final = 0.2

_T = TypeVar("_T")


@dataclass
class _Fault:
    loses: Literal["request", "reply"]
    matching: bytes
    half: bool = False
    fired: threading.Event = field(default_factory=threading.Event)


# Not on command: their events are of no use.
_CHANCE: Final = _Fault("reply", b"")
_LATE: Final = _Fault("request", b"")


class Proxy:
    """Forwards connections to ``target_port`` until it is told to break them.

    A fault happens once, on the first request that contains its ``matching`` bytes, on whichever
    connection; the event that arming it returns is set when it has happened. Bytes are looked
    for as sent, so ``b"ZPOPMIN"`` does not match a client that writes ``zpopmin``. ``delay`` is
    the time in seconds by which every reply is held back. Meant for clients that wait for a
    reply (or a pipeline's replies) before they send again.

    Faults also happen by chance, which follows ``seed``: ``drop_replies`` is the part of all
    requests, from 0 to 1, whose replies are lost, and ``late_requests`` the part that the
    server gets some time after the client's connection was closed.
    """

    def __init__(
        self,
        target_port: int,
        *,
        drop_replies: float = 0.0,
        late_requests: float = 0.0,
        seed: int = 0,
    ) -> None:
        """Listen on a free port."""
        self.target_port: Final = target_port
        self.delay = 0.0
        self.drop_replies = drop_replies
        self.late_requests = late_requests
        self._random: Final = random.Random(seed)
        self._dropped = self._late = 0
        self._closing: Final = threading.Event()
        self._lock: Final = threading.Lock()
        self._faults: Final[list[_Fault]] = []
        self._links: Final[set[_Link]] = set()
        self._threads: Final[list[threading.Thread]] = []
        self._listener: Final = socket.create_server((HOST, 0), backlog=128)
        self.port: Final[int] = self._listener.getsockname()[1]
        self._acceptor: Final = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        """The address for a client."""
        return f"redis://{HOST}:{self.port}/0"

    @property
    def connections(self) -> int:
        """How many client connections are open."""
        with self._lock:
            return len(self._links)

    @property
    def dropped_replies(self) -> int:
        """How many replies were lost by chance, the server having done what was asked."""
        with self._lock:
            return self._dropped

    @property
    def delivered_late(self) -> int:
        """How many requests the server got when nobody waited for an answer any more."""
        with self._lock:
            return self._late

    def drop_next_reply(self, matching: bytes = b"", *, half: bool = False) -> threading.Event:
        """Let the server do the next matching request, then close instead of replying.

        With ``half``, pass on the first half of the reply's bytes before that.
        """
        return self._arm(_Fault("reply", matching, half))

    def drop_next_request(self, matching: bytes = b"", *, half: bool = False) -> threading.Event:
        """Close instead of passing the next matching request on: the server never sees it.

        With ``half``, it sees the first half of its bytes.
        """
        return self._arm(_Fault("request", matching, half))

    def sever(self) -> None:
        """Close all connections; new ones are accepted."""
        with self._lock:
            links = list(self._links)
        for link in links:
            link.shut()

    def close(self) -> None:
        """Stop listening and close all connections."""
        if self._closing.is_set():
            return
        self._closing.set()
        # A thread that waits in accept() wakes only for a connection.
        socket.create_connection((HOST, self.port)).close()
        self._acceptor.join()
        self.sever()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        """Return the proxy, which is already listening."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _arm(self, fault: _Fault) -> threading.Event:
        with self._lock:
            self._faults.append(fault)
        return fault.fired

    def _take_fault(self, before: bytes, data: bytes) -> _Fault | None:
        with self._lock:
            for fault in self._faults:
                # What is looked for may begin in the chunk before, but must end in this one.
                kept = len(fault.matching) - 1
                if fault.matching in (before[-kept:] if kept > 0 else b"") + data:
                    self._faults.remove(fault)
                    return fault
            chance = self._random.random()
        if chance < self.drop_replies:
            return _CHANCE
        return _LATE if chance > 1 - self.late_requests else None

    def _accept(self) -> None:
        with self._listener:
            while True:
                client, _ = self._listener.accept()
                if self._closing.is_set():
                    client.close()
                    return
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection((HOST, self.target_port))
        except OSError:
            client.close()
            return
        link = _Link(client, server)
        with self._lock:
            self._links.add(link)
        for pump in (self._pump_requests, self._pump_replies):
            self._start(pump, link)

    def _start(self, target: Callable[[_T], None], argument: _T) -> None:
        thread = threading.Thread(target=target, args=(argument,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _deliver_late(self, request: bytes) -> None:
        self._closing.wait(_LATENESS * self._random.random())
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.target_port)) as to:
            to.sendall(request)
            to.recv(_CHUNK)
            with self._lock:
                self._late += 1

    def _pump_requests(self, link: "_Link") -> None:
        before = b""
        while data := _receive(link.client):
            fault = self._take_fault(before, data)
            before = data
            if fault and fault.loses == "request":
                fault.fired.set()
                if fault.half:
                    _send(link.server, data[: len(data) // 2])
                if fault is _LATE:
                    self._start(self._deliver_late, data)
                break
            if fault:
                link.swallow = fault
            if not _send(link.server, data):
                break
        self._end(link)

    def _pump_replies(self, link: "_Link") -> None:
        while data := _receive(link.server):
            if link.swallow:
                # Before the client can notice anything.
                link.swallow.fired.set()
                if link.swallow.half:
                    _send(link.client, data[: len(data) // 2])
                with self._lock:
                    self._dropped += link.swallow is _CHANCE
                break
            if self.delay:
                self._closing.wait(self.delay)
            if not _send(link.client, data):
                break
        self._end(link)

    def _end(self, link: "_Link") -> None:
        link.shut()
        with self._lock:
            link.pumps -= 1
            if not link.pumps:
                self._links.discard(link)
                link.client.close()
                link.server.close()


@dataclass(eq=False)
class _Link:
    """One client's connection and the connection to the server that belongs to it."""

    client: socket.socket
    server: socket.socket
    swallow: _Fault | None = None
    pumps: int = 2

    def shut(self) -> None:
        """End both connections, which wakes the pumps; the last of them closes the sockets."""
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _receive(end: socket.socket) -> bytes:
    try:
        return end.recv(_CHUNK)
    except OSError:
        return b""


def _send(end: socket.socket, data: bytes) -> bool:
    try:
        end.sendall(data)
    except OSError:
        return False
    return True
