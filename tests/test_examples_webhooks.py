"""examples/webhooks.py: an event is handled once, however often it is delivered."""

from __future__ import annotations

import asyncio
import base64
import random
import time
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from examples.webhooks import LEASE, Event, Inbox, create_app, main, read_secret, sign
from redset import Retry, connect_async
from redset.backends import AsyncMemoryBackend
from redset.testing import ManualClock
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from fastapi import FastAPI

SECRET = b"a secret of 24 bytes ..."


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    """Run an application as a server does, from its beginning to its end."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


async def deliver(
    client: httpx.AsyncClient,
    event_id: str,
    body: str = "{}",
    *,
    secret: bytes = SECRET,
    age: float = 0.0,
    also: str = "",
) -> httpx.Response:
    """Deliver an event as a provider does."""
    timestamp = str(int(time.time() - age))
    headers = {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": also + sign(secret, event_id, timestamp, body.encode()),
    }
    return await client.post("/webhooks", content=body, headers=headers)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110  (the store has no events)
            await asyncio.sleep(0.005)


async def is_done(inbox: Inbox) -> bool:
    stats = await inbox.queue.stats()
    return stats.pending + stats.claimed == 0


class Handler:
    """Handles events, and counts them; fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.handled: Counter[str] = Counter()
        self.failures = failures

    async def __call__(self, event: Event) -> None:
        # Others have time to come between.
        await asyncio.sleep(0.001)
        if self.failures:
            self.failures -= 1
            message = "the bank is closed"
            raise ConnectionError(message)
        self.handled[event.id] += 1


async def clear(url: str, name: str) -> None:
    async with connect_async(url) as backend:
        await Inbox(backend, name, Handler()).clear()


def test_an_event_that_is_delivered_many_times_is_handled_once(store_url: str, name: str) -> None:
    events = [f"event-{number}" for number in range(20)]
    deliveries = events * 10
    random.Random(7).shuffle(deliveries)
    handler = Handler()

    async def run() -> None:
        apps = [create_app(SECRET, store_url, name, handler) for _ in range(2)]
        async with serving(apps[0]) as one, serving(apps[1]) as another:
            answers = await asyncio.gather(
                *(
                    deliver((one, another)[number % 2], event)
                    for number, event in enumerate(deliveries)
                )
            )
            assert {answer.status_code for answer in answers} == {200}
            await until(lambda: is_done(apps[0].state.inbox))
            assert handler.handled == Counter(events)
            # And those that come when all is over.
            late = await asyncio.gather(*(deliver(another, event) for event in events))
            assert [answer.json() for answer in late] == [{"new": False}] * 20
            await until(lambda: is_done(apps[0].state.inbox))
        await clear(store_url, name)

    asyncio.run(run())
    assert handler.handled == Counter(events)


def test_what_nobody_has_signed_is_refused(name: str) -> None:
    handler = Handler()

    async def run() -> None:
        app = create_app(SECRET, f"memory://{name}", name, handler)
        async with serving(app) as client:
            refused = [
                await deliver(client, "a", secret=b"another secret"),
                await deliver(client, "a", age=301),
                await deliver(client, "a", age=-301),
            ]
            assert [answer.status_code for answer in refused] == [401] * 3
            # A signature is that of one delivery.
            timestamp = str(int(time.time()))
            signature = sign(SECRET, "a", timestamp, b"{}")
            for event_id, when, body in [
                ("b", timestamp, "{}"),
                ("a", str(int(timestamp) - 1), "{}"),
                ("a", "now", "{}"),
                ("a", timestamp, "{ }"),
            ]:
                headers = {
                    "webhook-id": event_id,
                    "webhook-timestamp": when,
                    "webhook-signature": signature,
                }
                answer = await client.post("/webhooks", content=body, headers=headers)
                assert answer.status_code == 401
            assert (await client.post("/webhooks", content="{}")).status_code == 422
            # While the provider changes its secret, there are two.
            also = "v1,bm90IHRoaXMgb25l "
            assert (await deliver(client, "c", also=also)).json() == {"new": True}
            await until(lambda: is_done(app.state.inbox))
        await clear(f"memory://{name}", name)

    asyncio.run(run())
    assert handler.handled == {"c": 1}


def test_signatures_are_those_of_the_standard() -> None:
    # The example of its specification.
    secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_fails_is_tried_again_and_not_for_ever(store_url: str, name: str) -> None:
    handler = Handler(failures=2)

    async def run() -> None:
        retry = Retry(max_attempts=3, backoff=0)
        app = create_app(SECRET, store_url, name, handler, retry)
        async with serving(app) as client:
            inbox: Inbox = app.state.inbox
            await deliver(client, "a")
            await until(lambda: is_done(inbox))
            assert handler.handled == {"a": 1}
            handler.failures = 3
            await deliver(client, "b", '{"of": "b"}')
            await until(lambda: is_done(inbox))
            (letter,) = await inbox.queue.dead()
            assert (letter.key, letter.attempts) == (b"b", 3)
            assert "the bank is closed" in letter.reason
            # When the bank is open again, it is put back by hand.
            await inbox.queue.redrive()
            await until(lambda: is_done(inbox))
        await clear(store_url, name)

    asyncio.run(run())
    assert handler.handled == {"a": 1, "b": 1}


def test_what_is_in_hand_when_a_process_stops_is_handled_by_the_next(
    store_url: str, name: str
) -> None:
    handler = Handler()

    async def run() -> None:
        begun = asyncio.Event()

        async def hang(_: Event) -> None:
            begun.set()
            await asyncio.Event().wait()

        async with serving(create_app(SECRET, store_url, name, hang)) as client:
            await deliver(client, "a")
            await begun.wait()
        app = create_app(SECRET, store_url, name, handler)
        async with serving(app):
            await until(lambda: is_done(app.state.inbox))
        await clear(store_url, name)

    asyncio.run(run())
    assert handler.handled == {"a": 1}


@pytest.mark.parametrize("was_noted", [False, True])
def test_what_a_killed_process_had_is_handled_unless_it_was(name: str, was_noted: bool) -> None:
    clock = ManualClock()
    handler = Handler()

    async def run() -> None:
        inbox = Inbox(AsyncMemoryBackend(clock=clock), name, handler)
        assert await inbox.take_in(Event("a", "{}"))
        # It dies with the event in its hands: nobody hears of this claim again.
        await inbox.queue.claim(LEASE)
        if was_noted:
            await inbox.seen.add("a")
        clock.advance(LEASE)
        work = asyncio.create_task(inbox.work())
        await until(lambda: is_done(inbox))
        work.cancel()
        await asyncio.wait([work])

    asyncio.run(run())
    assert handler.handled == ({} if was_noted else {"a": 1})


def test_providers_are_told_to_come_again_while_the_store_is_down(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Handler()

    async def run(server: Server) -> None:
        app = create_app(SECRET, server.url, name, handler)
        async with serving(app) as client:
            inbox: Inbox = app.state.inbox
            await deliver(client, "a")
            await until(lambda: is_done(inbox))
            server.kill()
            answer = await deliver(client, "b")
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            server.restart()
            assert (await deliver(client, "b")).json() == {"new": True}
            await until(lambda: is_done(inbox))

    with Server("valkey-9.1") as server:
        asyncio.run(run(server))
    assert handler.handled == {"a": 1, "b": 1}
    assert "the store is down" in caplog.text


def test_without_a_secret_it_does_not_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("WEBHOOK_SECRET", raising=False)
    with pytest.raises(SystemExit):
        main([])
    assert "WEBHOOK_SECRET" in capsys.readouterr().err
    assert read_secret("whsec_" + base64.b64encode(SECRET).decode()) == SECRET
