"""TLS in front of servers that have none, with certificates made when they are needed."""

import asyncio
import contextlib
import ssl
import threading
from pathlib import Path
from typing import Final, Self

import trustme
from cryptography.hazmat.primitives import serialization

HOST: Final = "127.0.0.1"
_CHUNK: Final = 65_536


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

    def client(self, password: str) -> tuple[Path, Path]:
        """Return the files of a client's certificate, and of its key under a password."""
        issued = self._authority.issue_cert("client")
        certificate, key = self._directory / "client.pem", self._directory / "client.key"
        issued.cert_chain_pems[0].write_to_path(certificate)
        plain = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
        key.write_bytes(
            plain.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(password.encode()),
            )
        )
        return certificate, key


class TlsProxy:
    """Forwards what clients send by TLS to ``target_port``."""

    def __init__(self, target_port: int, context: ssl.SSLContext) -> None:
        """Listen on a free port."""
        self._target_port: Final = target_port
        self._writers: Final[set[asyncio.StreamWriter]] = set()
        self._loop: Final = asyncio.new_event_loop()
        self._thread: Final = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        listening = asyncio.start_server(self._serve, HOST, 0, ssl=context)
        self._server: Final = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        self.port: Final[int] = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening and close all connections."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        """Return the proxy, which is already listening."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    async def _close(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(HOST, self._target_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers.update((writer, server_writer))
        await asyncio.gather(
            _pump(reader, server_writer),
            _pump(server_reader, writer),
        )
        self._writers.difference_update((writer, server_writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    # The other direction ends with this one.
    writer.transport.abort()
