"""examples/crawler.py, on a site that has a trap for each way in which crawlers go wrong."""

from __future__ import annotations

import io
import math
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from functools import partial
from http.client import HTTPResponse
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from examples.crawler import LARGEST, Crawler, Page, Plan, main, normal, read
from redset import connect
from redset.backends import MemoryBackend
from redset.testing import ManualClock
from tests.support.site import Site, flaky, links, moved, serving

if TYPE_CHECKING:
    import socket
    from collections.abc import Generator, Iterator

    from tests.support.backends import Backends

PROGRAM = Path(__file__).parent.parent / "examples" / "crawler.py"
PLAN = Plan(delay=0.0, timeout=5.0, backoff=0.01, lease=60.0)


@contextmanager
def crawler_of(url: str, name: str, *sites: Site, plan: Plan = PLAN) -> Generator[Crawler]:
    with connect(url) as backend:
        crawler = Crawler(backend, name, [site.address() for site in sites], plan)
        try:
            yield crawler
        finally:
            crawler.clear()


def crawl(crawler: Crawler, workers: int = 3) -> None:
    """Have several workers crawl until there is nothing left."""
    threads = [threading.Thread(target=crawler.crawl) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture
def tree() -> Iterator[Site]:
    """Give a site of 31 pages, each of which links to two more and to all that are near."""
    pages = {"/": links("/1", "/2")}
    for here in range(1, 31):
        near = {2 * here + 1, 2 * here + 2, here - 1, here + 1, 0}
        paths = [f"/{each or ''}" for each in sorted(near) if each <= 30]
        pages[f"/{here}"] = links(*paths)
    with serving(pages) as site:
        yield site


def test_each_page_is_fetched_once(store_url: str, name: str, tree: Site) -> None:
    with crawler_of(store_url, name, tree) as crawler:
        crawl(crawler)
        assert tree.visits() == Counter(tree.pages.keys() - {"/robots.txt"})
        assert tree.asked.count("/robots.txt") == 1
        # What is done is remembered, by those who come later, too.
        crawl(crawler)
        assert tree.visits().total() == 31
        assert crawler.hosts.stats().pending == 0


def test_no_trap_catches_it(store_url: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    huge = links("/begin") + " " * 1_000_000 + links("/beyond-the-first-megabyte")
    pages = {
        "/": links(
            *("/cycle", "/loop", "/missing", "/heals", "/broken", "/private/page", "/huge"),
            *("/image", "/words", "/moved-away", "/moved-to-cycle", "/strange", "/#top", "?"),
            *("mailto:me@example.org", "http://[bad", "http://example.invalid/elsewhere"),
        ),
        "/cycle": links("/", "/cycle", "/cycle#again"),
        "/loop": moved("/pool"),
        "/pool": moved("/loop"),
        "/moved-to-cycle": moved("/cycle"),
        "/moved-away": moved("http://example.invalid/"),
        "/heals": flaky((500, {}, ""), (503, {"Retry-After": "0"}, ""), links("/healed")),
        "/healed": "",
        "/broken": (500, {}, ""),
        "/private/page": links("/private/secret"),
        "/huge": huge,
        "/begin": '<base href="/below/"><a href="page one">',
        "/below/page%20one": "",
        "/image": (200, {"Content-Type": "image/png"}, links("/not-html")),
        "/words": (200, {"Content-Type": "text/plain"}, links("/not-html")),
        "/strange": (200, {"Content-Type": "text/html; charset=klingon"}, "\xff"),
    }
    with serving(pages) as site, crawler_of(store_url, name, site) as crawler:
        crawl(crawler)
        once = {path for path in pages if not path.startswith("/private")} | {"/missing"}
        assert site.visits() == Counter([*once, "/heals", "/heals", "/broken", "/broken"])
        # What never heals is given up after three attempts, and not lost.
        (letter,) = crawler.queues[site.host].dead()
        assert letter.key == site.address("/broken").encode()
        assert "500" in letter.reason
    output = capsys.readouterr().out
    assert f"404 {site.address('/missing')}" in output
    assert f"{site.address('/private/page')}: not allowed by robots.txt" in output


def test_a_page_that_hangs_is_given_up(store_url: str, name: str) -> None:
    over = threading.Event()
    with serving({"/": links("/hangs", "/fine"), "/fine": ""}) as site:

        def hang(_: object) -> str:
            over.wait(30)
            return ""

        site.pages["/hangs"] = hang
        plan = Plan(delay=0.0, timeout=0.3, backoff=0.0, attempts=2)
        with crawler_of(store_url, name, site, plan=plan) as crawler:
            crawl(crawler)
            over.set()
            (letter,) = crawler.queues[site.host].dead()
            assert letter.attempts == 2
            assert "timed out" in letter.reason
            assert {"/", "/fine"} <= site.visits().keys()


def test_a_slow_host_holds_up_no_other(store_url: str, name: str) -> None:
    met = threading.Event()
    with serving({"/": "", "/2": ""}) as quick, serving({}) as slow:
        quick.pages["/"] = links("/2")
        quick.before = lambda path: met.set() if path == "/2" else None
        # It answers when the other one has been crawled, and not before.
        slow.pages["/"] = lambda _: "" if met.wait(30) else (404, {}, "")
        plan = Plan(delay=0.0, timeout=60.0)
        with crawler_of(store_url, name, slow, quick, plan=plan) as crawler:
            crawl(crawler)
        assert met.is_set()
        assert quick.visits().total() == 2


def test_depth_and_number_of_pages_are_limited(store_url: str, name: str, tree: Site) -> None:
    with crawler_of(store_url, name, tree, plan=Plan(delay=0.0, depth=1)) as crawler:
        crawl(crawler)
        assert set(tree.visits()) == {"/", "/1", "/2"}
    tree.asked.clear()
    with crawler_of(store_url, name, tree, plan=Plan(delay=0.0, pages=5)) as crawler:
        crawl(crawler)
        # Those that are nearest come first.
        assert {"/", "/1", "/2"} < set(tree.visits())
        assert len(crawler.done) == tree.visits().total() == 5


def test_each_host_is_left_alone_for_the_delay(store_url: str, name: str) -> None:
    pages = {"/": links("/1", "/2", "/3"), "/1": links("/2"), "/2": links("/1"), "/3": ""}
    with serving(pages) as one, serving(pages) as another:
        plan = Plan(delay=0.2, timeout=30.0)
        with crawler_of(store_url, name, one, another, plan=plan) as crawler:
            crawl(crawler, workers=4)
        for site in (one, another):
            assert site.visits().total() == 4
            # By its own log: each request begins after the answer to the last one, and the delay.
            times = sorted(site.times)
            gaps = [after[0] - before[1] for before, after in pairwise(times)]
            # The clocks of sites and stores are not the same one.
            assert min(gaps) > plan.delay - 0.01


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_a_host_rests_for_as_long_as_it_wants(clock: ManualClock, name: str) -> None:
    wants = {
        "/robots.txt": (200, {"Content-Type": "text/plain"}, "User-agent: *\nCrawl-delay: 7"),
        "/": links("/busy"),
        "/busy": flaky((503, {"Retry-After": "60"}, ""), ""),
    }
    with serving(wants) as site:
        crawler = Crawler(MemoryBackend(clock=clock), name, [site.address()], Plan(backoff=1))
        crawler.add([Page(site.address())])
        visit = partial(crawler.take_turn, 0)
        assert visit()
        assert site.asked == ["/robots.txt", "/"]
        # What is found meanwhile changes nothing.
        crawler.add([Page(site.address("/found"), 2)])
        clock.advance(6.9)
        assert visit()
        assert site.visits().total() == 1
        clock.advance(0.1)
        assert visit()
        assert site.asked[2:] == ["/busy"]
        clock.advance(59.9)
        assert visit()
        assert site.visits().total() == 2
        clock.advance(0.1)
        for _ in range(3):
            assert visit()
            clock.advance(7)
        assert not visit()
        assert Counter(site.asked[3:]) == Counter(["/busy", "/found"])


def test_what_a_dead_worker_had_is_taken_over(clock: ManualClock, name: str, tree: Site) -> None:
    plan = Plan(delay=1.0, lease=30.0)
    crawler = Crawler(MemoryBackend(clock=clock), name, [tree.address()], plan)
    crawler.add([Page(tree.address())])
    # It dies with a host and a page in its hands: nobody hears of its claims again.
    host = crawler.hosts.claim(plan.lease).item
    assert crawler.queues[host].claim(plan.lease).item.url == tree.address()
    assert crawler.take_turn(0)
    assert tree.asked == []
    clock.advance(plan.lease)
    while crawler.take_turn(0):
        clock.advance(plan.delay)
    assert tree.visits() == Counter(tree.pages.keys() - {"/robots.txt"})


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), *arguments, "--delay", "0", "--lease", "1"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_killed_crawl_is_resumed(backends: Backends, name: str, tree: Site) -> None:
    url = backends.server("valkey-9.1").url
    arguments = [tree.address(), "--url", url, "--name", name]
    killing = threading.Lock()
    with start(*arguments) as victim:

        def kill(_: str) -> None:
            with killing:
                # It has its tenth page in hand; robots.txt counts, too.
                if len(tree.asked) == 11 and victim.returncode is None:
                    os.kill(victim.pid, signal.SIGKILL)
                    victim.wait()

        tree.before = kill
        assert victim.wait() == -signal.SIGKILL
        in_hand = tree.asked[-1]
    with start(*arguments) as second:
        assert second.stdout is not None
        output = second.stdout.read()
    assert second.returncode == 0
    assert "31 pages are done" in output
    # Nothing is lost, and only what was in its hands is fetched again.
    expected = Counter(tree.pages.keys() - {"/robots.txt"})
    assert tree.visits() == expected + Counter([in_hand])
    with crawler_of(url, name, tree):
        pass
    assert backends.leaked_keys("valkey-9.1", name) == []


def test_a_crawl_stops_when_it_is_told_to(backends: Backends, name: str, tree: Site) -> None:
    url = backends.server("valkey-9.1").url
    with start(tree.address(), "--url", url, "--name", name) as process:
        tree.before = lambda path: process.terminate() if path == "/1" else None
        assert process.wait() == 0
    with crawler_of(url, name, tree) as crawler:
        # The page that it had was brought to an end, and nothing is left in anybody's hands.
        assert tree.address("/1") in crawler.done
        assert tree.visits().total() == len(crawler.done) < 31
        assert crawler.hosts.stats().claimed == crawler.queues[tree.host].stats().claimed == 0
        crawl(crawler)
        assert tree.visits().total() == 31


def test_the_program_tells_what_became_of_all_pages(
    store_url: str, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with serving({"/": links("/a"), "/a": (500, {}, "")}) as site:
        arguments = [site.address(), "--url", store_url, "--name", name, "--workers", "2"]
        fast = ["--delay", "0", "--backoff", "0", "--attempts", "1"]
        main([*arguments, *fast])
        assert "2 pages are done" in (output := capsys.readouterr().out)
        assert re.search(r"given up: .*/a.*: HTTPError: .*500", output)
        main([*arguments, *fast])
        assert site.visits() == {"/": 1, "/a": 1}
        main([*arguments, *fast, "--again"])
        assert site.visits() == {"/": 2, "/a": 2}
        with crawler_of(store_url, name, site):
            pass
    with pytest.raises(SystemExit):
        main(["example.org"])


class Wire(io.BytesIO):
    """Stands for a socket from which an answer comes."""

    def makefile(self, _mode: str) -> Wire:
        return self


def answer_with(body: bytes) -> tuple[HTTPResponse, Wire]:
    wire = Wire(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body)
    response = HTTPResponse(cast("socket.socket", wire))
    response.begin()
    return response, wire


def test_no_more_of_a_page_is_read_than_is_wanted() -> None:
    response, wire = answer_with(b" " * 5 * LARGEST)
    assert len(read("http://a/", response, math.inf).text) == LARGEST
    assert wire.tell() <= 2 * LARGEST


def test_a_page_that_comes_drop_by_drop_is_not_waited_for() -> None:
    response, _ = answer_with(b"x")
    with pytest.raises(TimeoutError):
        read("http://a/", response, -math.inf)


@pytest.mark.parametrize(
    ("url", "known_as"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        ("/a b?c=d e#f", "http://base/a%20b?c=d%20e"),
        ("/a%20b", "http://base/a%20b"),
        ("ftp://example.org/", None),
        ("http://me:secret@example.org/", None),
        ("http://[bad", None),
        ("javascript:alert()", None),
    ],
)
def test_an_address_has_one_form(url: str, known_as: str | None) -> None:
    assert normal(url, "http://base/") == known_as
