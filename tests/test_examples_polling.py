"""examples/polling.py: each page in its interval, by one poller at a time."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import asynccontextmanager, contextmanager
from http.client import HTTPMessage
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError

import pytest

from examples.polling import MONTH, Poller, Version, Watch, main, next_time, read_watches
from redset import connect_async
from redset.backends import AsyncMemoryBackend
from redset.testing import ManualClock
from tests.support.site import serving

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from email.message import Message

    from tests.support.backends import Backends

PROGRAM = Path(__file__).parent.parent / "examples" / "polling.py"
PAGE = Watch("http://example.org/", 60)


class Web:
    """Stands for the pages that are polled, and notes when that is done."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.polls: list[float] = []
        self.text = "a"
        self.error: Exception | None = None

    def fetch(self, url: str, _: Version | None) -> Version:
        self.polls.append(self.clock.time())
        if self.error:
            raise self.error
        return Version(url, self.text, "")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_000_000_000)


@pytest.fixture
def web(clock: ManualClock) -> Web:
    return Web(clock)


def poller_of(web: Web, name: str) -> Poller:
    return Poller(AsyncMemoryBackend(clock=web.clock), name, fetch=web.fetch)


async def poll_for(poller: Poller, clock: ManualClock, seconds: float, step: float) -> None:
    """Have it poll what is due after each step."""
    for _ in range(round(seconds / step)):
        while await poller.take_turn(0):
            pass
        clock.advance(step)


def test_times_do_not_drift(web: Web, clock: ManualClock, name: str) -> None:
    async def run() -> None:
        poller = poller_of(web, name)
        await poller.watch([PAGE])
        # It is late each time, by up to seven seconds.
        await poll_for(poller, clock, 1000 * 60, step=7)

    asyncio.run(run())
    # At once, and in each interval once.
    assert len(web.polls) == pytest.approx(1001, abs=1)
    turns = [int((time - next_time(PAGE, 0)) // PAGE.every) for time in web.polls[1:]]
    assert turns == list(range(turns[0], turns[0] + len(turns)))


def test_pages_are_not_due_all_at_once(web: Web, clock: ManualClock, name: str) -> None:
    async def run() -> list[float]:
        poller = poller_of(web, name)
        await poller.watch(Watch(f"http://example.org/{number}", 60) for number in range(100))
        while await poller.take_turn(0):
            pass
        return sorted([score async for _, score in poller.due.items()])

    times = asyncio.run(run())
    assert len(times) == len(web.polls) == 100
    # In each third of a minute some, beginning half an interval after the first poll.
    thirds = Counter(int((time - clock.time() - 30) // 20) for time in times)
    assert thirds.keys() == {0, 1, 2}
    assert min(thirds.values()) > 15


def test_what_was_missed_in_an_outage_is_not_made_up_for(
    web: Web, clock: ManualClock, name: str
) -> None:
    async def run() -> None:
        poller = poller_of(web, name)
        await poller.watch([PAGE])
        await poller.take_turn(0)
        clock.advance(10_000)
        assert await poller.take_turn(0)
        assert not await poller.take_turn(0)

    asyncio.run(run())
    assert len(web.polls) == 2


def test_what_fails_is_asked_less_and_less(web: Web, clock: ManualClock, name: str) -> None:
    async def run() -> None:
        poller = poller_of(web, name)
        await poller.watch([PAGE])
        web.error = ConnectionRefusedError("nobody is there")
        await poll_for(poller, clock, 60 * (1 + 2 + 4 + 8 + 1), step=1)
        # Each rest is up to a tenth shorter than twice the last one.
        pairs = zip(web.polls, web.polls[1:5], [60, 120, 240, 480], strict=False)
        for before, after, rest in pairs:
            assert 0.9 * rest <= after - before <= rest + 1
        assert len(web.polls) == 5
        # When it is well again, it is back in its place.
        web.error = None
        await poll_for(poller, clock, 1200, step=1)
        clock.set(max(web.polls))
        assert await poller.due.score(PAGE) == next_time(PAGE, clock.time())

    asyncio.run(run())


def test_to_add_again_changes_nothing_but_the_interval(
    web: Web, clock: ManualClock, name: str
) -> None:
    async def run() -> None:
        poller = poller_of(web, name)
        assert await poller.watch([PAGE, PAGE]) == 1
        await poller.take_turn(0)
        due = await poller.due.score(PAGE)
        assert await poller.watch([PAGE]) == 0
        assert await poller.due.score(PAGE) == due
        # And by a program that starts while the page is polled.
        clock.advance(90)
        claim = await poller.due.claim(poller.lease)
        await poller.watch([PAGE._replace(every=10)])
        await poller.handle(claim)
        assert await poller.due.length() == 1
        assert not await poller.take_turn(0)
        assert (await poller.due.by_key(PAGE.url)).every == 10
        assert len(web.polls) == 2

    asyncio.run(run())


def test_changes_are_told_once(
    web: Web, clock: ManualClock, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run() -> None:
        poller = poller_of(web, name)
        await poller.watch([PAGE])
        for text in ("a", "a", "b", "b", "a"):
            web.text = text
            assert await poller.take_turn(0)
            # What is polled from time to time is not forgotten.
            clock.advance(0.7 * MONTH)
        web.error = HTTPError(PAGE.url, 410, "Gone", HTTPMessage(), None)
        assert await poller.take_turn(0)
        assert await poller.due.length() == 0

    asyncio.run(run())
    told = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert told == ["watching", "changed", "changed", "gone"]


def test_who_is_stopped_puts_a_page_back_when_it_is_not_polled_any_more(
    clock: ManualClock, name: str
) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def fetch(url: str, _: Version | None) -> Version:
        begun.set()
        goes_on.wait(30)
        return Version(url, "", "")

    async def run() -> None:
        poller = Poller(AsyncMemoryBackend(clock=clock), name, fetch=fetch)
        await poller.watch([PAGE])
        turn = asyncio.create_task(poller.take_turn(0))
        await asyncio.to_thread(begun.wait)
        turn.cancel()
        await asyncio.wait([turn], timeout=0.05)
        assert (await poller.due.stats()).claimed == 1
        goes_on.set()
        await asyncio.wait([turn])
        assert turn.cancelled()
        stats = await poller.due.stats()
        assert (stats.due, stats.claimed) == (1, 0)

    asyncio.run(run())


def test_what_a_dead_poller_had_is_taken_over(web: Web, clock: ManualClock, name: str) -> None:
    async def run() -> None:
        poller = poller_of(web, name)
        await poller.watch([PAGE])
        await poller.due.claim(poller.lease)  # and nobody hears of it again
        assert not await poller.take_turn(0)
        clock.advance(poller.lease)
        assert await poller.take_turn(0)

    asyncio.run(run())
    assert len(web.polls) == 1


@asynccontextmanager
async def working(*pollers: Poller) -> AsyncGenerator[None]:
    tasks = [asyncio.create_task(poller.work()) for poller in pollers for _ in range(3)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_two_pollers_never_poll_a_page_at_once(store_url: str, name: str) -> None:
    guard = threading.Lock()
    polled: set[str] = set()
    polls: Counter[str] = Counter()
    clashes: list[str] = []
    enough = threading.Event()

    def fetch(url: str, _: Version | None) -> Version:
        with guard:
            clashes.extend({url} & polled)
            polled.add(url)
            polls[url] += 1
            if all(polls[watch.url] >= 10 for watch in watches):
                enough.set()
        # Longer than the interval, so that others would have time for it.
        threading.Event().wait(0.01)
        with guard:
            polled.discard(url)
        return Version(url, "", "")

    watches = [Watch(f"http://example.org/{number}", 0.005) for number in range(3)]

    async def run() -> None:
        async with connect_async(store_url) as one, connect_async(store_url) as another:
            pollers = [Poller(backend, name, fetch=fetch) for backend in (one, another)]
            await pollers[0].watch(watches)
            async with working(*pollers):
                while not enough.is_set():
                    # Programs start all the time.
                    await pollers[1].watch(watches)
                    await asyncio.sleep(0.005)
            stats = await pollers[0].due.stats()
            # None is lost. One whose claim was under way in the end rests for its lease.
            assert stats.pending + stats.claimed == 3
            await pollers[0].clear()

    asyncio.run(run())
    assert clashes == []


@contextmanager
def started(*arguments: str) -> Generator[subprocess.Popen[str]]:
    command = [sys.executable, str(PROGRAM), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip()


def test_a_page_that_has_not_changed_is_not_sent_again(
    store_url: str, name: str, tmp_path: Path
) -> None:
    sent: list[int] = []
    tag = ['"one"']

    def page(headers: Message) -> tuple[int, dict[str, str], str]:
        is_known = headers.get("If-None-Match") == tag[0]
        sent.append(304 if is_known else 200)
        if sent == [200, 304, 304]:
            tag[0] = '"two"'
        return (304, {}, "") if is_known else (200, {"ETag": tag[0]}, tag[0])

    with serving({"/page": page}) as site:
        file = tmp_path / "pages.txt"
        file.write_text(f"{site.address('/page')} 0.05\n\n")
        with started("--file", str(file), "--url", store_url, "--name", name) as process:
            assert line_of(process) == f"watching {site.address('/page')}"
            assert line_of(process) == f"changed {site.address('/page')}"
            process.terminate()
            assert process.wait() == 0
    assert sent[:4] == [200, 304, 304, 200]

    async def clear() -> None:
        async with connect_async(store_url) as backend:
            await Poller(backend, name).clear()

    asyncio.run(clear())


def test_what_a_killed_process_had_is_taken_over(backends: Backends, name: str) -> None:
    url = backends.server("valkey-9.1").url
    arguments = ["--every", "3600", "--url", url, "--name", name, "--lease", "1"]
    with serving({"/": "", "/2": ""}) as site:
        pages = [site.address(), site.address("/2")]
        with started(*pages, *arguments, "--pollers", "1") as victim:

            def kill(path: str) -> None:
                if path == "/2" and victim.returncode is None:
                    os.kill(victim.pid, signal.SIGKILL)
                    victim.wait()

            site.before = kill
            assert victim.wait() == -signal.SIGKILL
        with started(*pages, *arguments) as second:
            assert line_of(second) == f"watching {pages[1]}"
            second.terminate()
            assert second.wait() == 0
        # What was polled before is not due for an hour; what was in hand is polled again.
        assert site.visits() == {"/": 1, "/2": 2}

    async def clear() -> None:
        async with connect_async(url) as backend:
            await Poller(backend, name).clear()

    asyncio.run(clear())
    assert backends.leaked_keys("valkey-9.1", name) == []


def test_addresses_have_intervals_of_their_own_or_not() -> None:
    text = "http://a/\n  http://b/ 5\n\n"
    assert read_watches(text, 60) == [Watch("http://a/", 60), Watch("http://b/", 5)]
    with pytest.raises(SystemExit):
        main(["http://a/", "--every", "0"])
