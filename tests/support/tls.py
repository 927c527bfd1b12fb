"""TLS in front of servers that have none, with certificates made when they are needed."""

import select
import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import trustme
from cryptography.hazmat.primitives import serialization

from tests.support.proxy import HOST, Proxy

_CHUNK: Final = 65_536
_LOOK: Final = 0.05
_PATIENCE: Final = 5.0


class Authority:
    """Signs certificates; its own, and those of clients, are files in a directory."""

    def __init__(self, directory: Path) -> None:
        """Make one."""
        self._directory: Final = directory
        self._authority: Final = trustme.CA()
        self.certificate: Final = directory / "authority.pem"
        self._authority.cert_pem.write_to_path(self.certificate)

    def context(self, *names: str, clients: Self | None = None) -> ssl.SSLContext:
        """Return what a server of these names needs; ``clients`` signs whom it lets in, if any."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._authority.issue_cert(*names).configure_cert(context)
        if clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(clients.certificate)
        return context

    def client(self, password: str | None) -> tuple[Path, Path]:
        """Return the files of a client's certificate, and of its key, under a password if any."""
        issued = self._authority.issue_cert("client")
        certificate, key = self._directory / "client.pem", self._directory / "client.key"
        issued.cert_chain_pems[0].write_to_path(certificate)
        hidden: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if password is not None:
            hidden = serialization.BestAvailableEncryption(password.encode())
        plain = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
        key.write_bytes(
            plain.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                hidden,
            )
        )
        return certificate, key


# The first byte of what a client sends by TLS.
_HANDSHAKE: Final = b"\x16"


class TlsProxy(Proxy):
    """Forwards what clients send by TLS to ``target_port``, and loses nothing.

    With ``or_plain``, it also forwards what is sent without TLS, as servers send each other.
    """

    def __init__(
        self, target_port: int, context: ssl.SSLContext, *, or_plain: bool = False
    ) -> None:
        """Listen on a free port."""
        self._context: Final = context
        self._or_plain: Final = or_plain
        super().__init__(target_port)

    def _connect(self, client: socket.socket) -> None:
        self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        # What tells a client that it is not let in must not be lost with the connection.
        client.settimeout(_PATIENCE)
        with client, client.dup() as left, suppress(OSError):
            if self._or_plain and client.recv(1, socket.MSG_PEEK) != _HANDSHAKE:
                with socket.create_connection((HOST, self.target_port)) as server:
                    self._forward(client, server)
                return
            try:
                end = self._context.wrap_socket(client, server_side=True)
            except ssl.SSLError:
                left.shutdown(socket.SHUT_WR)
                while left.recv(_CHUNK):
                    pass
                return
            with end, socket.create_connection((HOST, self.target_port)) as server:
                self._forward(end, server)

    def _forward(self, end: socket.socket, server: socket.socket) -> None:
        # One thread for both directions, as no two may use one end at the same time.
        poll = select.poll()  # knows any number of a file, as select does not
        for each in (end, server):
            poll.register(each, select.POLLIN)
        while not self._closing.is_set():
            is_read = isinstance(end, ssl.SSLSocket) and end.pending()
            ready = {end.fileno()} if is_read else {number for number, _ in poll.poll(_LOOK * 1000)}
            for source, target in ((end, server), (server, end)):
                if source.fileno() in ready:
                    data = source.recv(_CHUNK)
                    if not data:
                        return
                    target.sendall(data)
