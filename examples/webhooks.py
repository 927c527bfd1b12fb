"""Takes webhooks that are delivered many times, and handles each event once.

    export WEBHOOK_SECRET=whsec_c2VjcmV0
    python examples/webhooks.py --url redis://localhost --port 8000

It needs ``pip install fastapi uvicorn``. Run as many of it as you like. Signatures are those of
https://www.standardwebhooks.com, which many providers use; so is the id of an event.

Providers send an event again until somebody says that it was taken, so it comes several times,
often to several processes at once. Here it is answered as soon as it is safe in a queue, where it
is known by its id, and is there once. A task claims it and handles it, notes in a `TTLSet` that
it was seen, and only then acknowledges it. What is delivered again after that is not queued; what
was queued just then is not handled, as it has been seen. If the store is down, the provider is
told to come again. If a process is killed, another one handles what it had. Only what is killed
between handling an event and noting that is handled twice, so let what is done know events by
their ids, too.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import hmac
import logging
import os
import time
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Annotated, NamedTuple

from fastapi import FastAPI, Header, HTTPException, Request, Response
from redis.exceptions import RedisError

from redset import AsyncTimeSortedSet, AsyncTTLSet, Merge, Payload, Retry, connect_async
from redset.serializers import NamedtupleSerializer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from redset.interfaces import AsyncBackend

# In seconds. Longer than providers go on trying, which is three days at most of them.
REMEMBERED = 7 * 24 * 3600.0
# By so much may clocks differ; what is older may be an old delivery that somebody sends again.
TOLERANCE = 300.0
LEASE = 60.0
# What fails so often becomes a dead letter, to be looked into.
RETRY = Retry(max_attempts=10)
# How soon a store that was down is tried again, by us and by providers.
PAUSE = 1.0

log = logging.getLogger("webhooks")


class Event(NamedTuple):
    """What a provider tells, under an id that is the same whenever it is delivered."""

    id: str
    body: str


class Inbox:
    """Queues events and handles each once, on sets that all processes share."""

    def __init__(
        self,
        backend: AsyncBackend,
        name: str,
        handle: Callable[[Event], Awaitable[None]],
        retry: Retry = RETRY,
    ) -> None:
        self.handle = handle
        self.seen = AsyncTTLSet(backend, f"{name}:seen", ttl=REMEMBERED)
        self.queue = AsyncTimeSortedSet(
            backend,
            f"{name}:queue",
            serializer=NamedtupleSerializer(Event),
            key=lambda event: event.id,
            # What is delivered again is the same event, and keeps its place.
            merge=Merge.KEEP,
            payload=Payload.FIRST,
            retry=retry,
        )

    async def take_in(self, event: Event) -> bool:
        """Queue an event; tell whether it was new."""
        return not await self.seen.contains(event.id) and await self.queue.add_new(event)

    async def work(self) -> None:
        """Handle what is queued, until this task is cancelled."""
        while True:
            try:
                async with aclosing(self.queue.consume(LEASE, keep_alive=True)) as claims:
                    async for claim in claims:
                        try:
                            # Acknowledged at the end of the block, or else tried again.
                            async with claim:
                                await self.handle_once(claim.item)
                        except Exception:
                            log.exception("%s failed at attempt %d", claim.item.id, claim.attempt)
            except (RedisError, OSError) as error:
                log.error("the store is down: %s", error)  # noqa: TRY400  (where does not matter)
            await asyncio.sleep(PAUSE)

    async def handle_once(self, event: Event) -> None:
        """Handle an event that has not been."""
        if not await self.seen.contains(event.id):
            await self.handle(event)
            await self.seen.add(event.id)

    async def clear(self) -> None:
        """Forget all events."""
        await self.queue.clear()
        await self.seen.clear()


def sign(secret: bytes, event_id: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a delivery."""
    signed = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def is_authentic(secret: bytes, event_id: str, timestamp: str, body: bytes, given: str) -> bool:
    """Tell whether somebody who knows the secret has sent this, and just now."""
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE:
        return False
    expected = sign(secret, event_id, timestamp, body).encode()
    # There are several while a provider changes its secret.
    return any(hmac.compare_digest(expected, each.encode()) for each in given.split())


def read_secret(text: str) -> bytes:
    """Return the bytes of a secret as providers show it."""
    return base64.b64decode(text.removeprefix("whsec_"))


async def show(event: Event) -> None:
    """Stand for what is done about an event; twice would be a disaster."""
    print(event.id, event.body, flush=True)


def create_app(
    secret: bytes,
    url: str = "memory://",
    name: str = "webhooks",
    handle: Callable[[Event], Awaitable[None]] = show,
    retry: Retry = RETRY,
) -> FastAPI:
    """Return the application, which has the store open for as long as it runs."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with connect_async(url) as backend:
            app.state.inbox = inbox = Inbox(backend, name, handle, retry)
            work = asyncio.create_task(inbox.work())
            try:
                yield
            finally:
                # What it has in hand is put back, to be handled by others at once.
                while not work.done():
                    # Before Python 3.12, clients of asyncio may swallow one on its way.
                    work.cancel()
                    await asyncio.wait([work], timeout=PAUSE)

    app = FastAPI(lifespan=lifespan)

    @app.exception_handler(RedisError)
    async def come_again(_request: Request, _error: Exception) -> Response:
        headers = {"Retry-After": f"{PAUSE:.0f}"}
        return Response("the store is down", status_code=503, headers=headers)

    @app.post("/webhooks")
    async def receive(
        request: Request,
        webhook_id: Annotated[str, Header()],
        webhook_timestamp: Annotated[str, Header()],
        webhook_signature: Annotated[str, Header()],
    ) -> dict[str, bool]:
        body = await request.body()
        if not is_authentic(secret, webhook_id, webhook_timestamp, body, webhook_signature):
            raise HTTPException(401, "the signature is wrong, or too old")
        inbox: Inbox = request.app.state.inbox
        return {"new": await inbox.take_in(Event(webhook_id, body.decode(errors="replace")))}

    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve webhooks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", default="memory://", help="where the sets are")
    parser.add_argument("--name", default="webhooks", help="what they are called")
    parser.add_argument("--port", type=int, default=8000, help="the port to listen at")
    options = parser.parse_args(arguments)

    secret = os.environ.get("WEBHOOK_SECRET")
    if not secret:
        parser.error("set WEBHOOK_SECRET to the secret that the provider shows")
    # Only this needs it: in production, another server may run the application.
    import uvicorn

    uvicorn.run(create_app(read_secret(secret), options.url, options.name), port=options.port)


if __name__ == "__main__":
    main()
