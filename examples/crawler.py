"""A polite crawler of web sites, by one process or by many.

    python examples/crawler.py https://example.org/ --pages 100
    python examples/crawler.py https://example.org/ --url redis://localhost --name example

Start the second as often as you like, on as many machines: all share the work, and each page is
fetched once. If some are killed, by ``kill -9`` too, the others take over what they had; if all
are, start it again, and it goes on.

Whoever has claimed a host may send it one request, and nobody else may meanwhile. The host is
then put off by the delay, so that is kept by all processes together. Each host has a queue of
its own, in which a page is known by its address, however often it is linked. A page is
acknowledged when all that it leads to is queued; until then, it comes back.
"""

from __future__ import annotations

import argparse
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from functools import lru_cache
from html.parser import HTMLParser
from http.client import HTTPException, HTTPResponse
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import quote, urljoin, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener
from urllib.robotparser import RobotFileParser

from redset import Merge, Payload, Retry, ScheduledSet, SortedSet, TTLSet, connect
from redset.exceptions import EmptySetError, LeaseLost
from redset.serializers import NamedtupleSerializer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from http.client import HTTPMessage

    from redset.interfaces import Backend

DAY = 24 * 3600.0
# What comes after the first million bytes of a page is not read.
LARGEST = 1_000_000
# How long to wait for pages that rest, of a host that is asked without delay.
PAUSE = 0.1
# No site makes us wait for longer than an hour.
LONGEST_REST = 3600.0


class Page(NamedTuple):
    """A page, as many links away from the start as is known."""

    url: str
    depth: int = 0


class Robots(NamedTuple):
    """What a host has in its robots.txt."""

    host: str
    text: str


class Answer(NamedTuple):
    """What a site says to a request, with the addresses to which that leads."""

    status: int
    text: str
    links: list[str]


def option(default: Any, meaning: str) -> Any:
    """Return a field of a plan that can be given on the command line."""
    return field(default=default, metadata={"help": f"{meaning}: %(default)s"})


@dataclass(frozen=True)
class Plan:
    """How far to go, and how politely."""

    depth: int = option(5, "how many links from the start to follow")
    pages: int = option(1000, "how many pages to fetch, one or two more with many hosts")
    delay: float = option(1.0, "seconds to leave a host alone, unless its robots.txt wants more")
    timeout: float = option(10.0, "seconds that a page may take")
    # It is extended for as long as a page takes, so it can be short.
    lease: float = option(30.0, "seconds until what a killed worker had is taken over")
    attempts: int = option(3, "how often a page is tried before it is given up")
    backoff: float = option(10.0, "seconds until a page that failed is tried again")
    agent: str = option("redset-example-crawler", "what to say who we are")


class Crawler:
    """What all workers of a crawl do, on sets that they share."""

    def __init__(self, backend: Backend, name: str, start: Iterable[str], plan: Plan) -> None:
        self.plan = plan
        self.stopping = threading.Event()
        self.start = [page for page in map(normal, start) if page is not None]
        self.hosts = ScheduledSet(backend, f"{name}:hosts")
        self.queues = {
            host: SortedSet(
                backend,
                f"{name}:pages:{host}",
                # Those that are near the start come first, by the shortest way that is known.
                lambda page: page.depth,
                NamedtupleSerializer(Page),
                key=lambda page: page.url,
                merge=Merge.EARLIEST,
                payload=Payload.WITH_SCORE,
                retry=Retry(max_attempts=plan.attempts, backoff=plan.backoff),
            )
            for host in map(host_of, self.start)
        }
        # As far as this process knows what they want.
        self.delays = dict.fromkeys(self.queues, plan.delay)
        # What is done is not done again for a day.
        self.done = TTLSet(backend, f"{name}:done", ttl=DAY)
        self.robots = TTLSet(
            backend,
            f"{name}:robots",
            ttl=DAY,
            serializer=NamedtupleSerializer(Robots),
            key=lambda robots: robots.host,
        )

    def crawl(self) -> None:
        """Work until there is nothing left to do, or a signal says to stop."""
        self.add(Page(url) for url in self.start)
        # Also where all of these are done: an earlier crawl may have left others.
        self.hosts.update(self.queues, merge=Merge.KEEP)
        while not self.stopping.is_set() and self.take_turn():
            pass

    def add(self, pages: Iterable[Page]) -> None:
        """Queue those that are wanted."""
        for page in pages:
            host = host_of(page.url)
            if host in self.queues and page.depth <= self.plan.depth and page.url not in self.done:
                self.queues[host].add(page)
                # Who takes the host sees the page. One that waits for its turn keeps it, and
                # one that is visited comes when that visit says.
                self.hosts.add_new(host)

    def take_turn(self, timeout: float = 0.3) -> bool:
        """Visit a host whose turn it is, if there is one; tell whether there is more to do."""
        try:
            with self.hosts.claim(self.plan.lease, timeout, keep_alive=True) as turn:
                rest = self.visit(turn.item)
                if rest is not None:
                    turn.reschedule(delay=rest)
        except EmptySetError:
            # Hosts that rest have more to do, and one that somebody visits may lead to more.
            hosts = self.hosts.stats()
            return hosts.pending + hosts.claimed > 0
        except LeaseLost as error:
            # Somebody else has taken over, after this process was held up for too long.
            print(error)
        return True

    def visit(self, host: str) -> float | None:
        """Fetch the next page of a host; return for how long that is to rest, None for good."""
        queue = self.queues[host]
        if len(self.done) >= self.plan.pages:
            return None
        try:
            claim = queue.claim(self.plan.lease, keep_alive=True)
        except EmptySetError:
            # What failed comes back after a rest, what a killed worker had after its lease.
            pages = queue.stats()
            return max(self.delays[host], PAUSE) if pages.pending + pages.claimed else None
        try:
            with claim:
                return self.delays[host] if self.handle(claim.item) else 0.0
        except (OSError, HTTPException, ValueError) as error:
            print(f"{claim.item.url}: {error}")
            if claim.attempt >= self.plan.attempts:
                # Or the next link to it would begin all over.
                self.done.add(claim.item.url)
            return max(self.delays[host], retry_after(error))

    def handle(self, page: Page) -> bool:
        """Fetch a page and queue what it leads to; tell whether its host was asked for it."""
        # It may have been found again while it was fetched.
        if page.url in self.done:
            return False
        rules = self.rules(page)
        if not rules.can_fetch(self.plan.agent, page.url):
            print(f"{page.url}: not allowed by robots.txt")
            self.done.add(page.url)
            return False
        answer = self.fetch(page.url)
        self.keep(page, answer)
        self.add(Page(link, page.depth + 1) for link in set(answer.links) - {page.url})
        self.done.add(page.url)
        return True

    def keep(self, page: Page, answer: Answer) -> None:
        """Do with a page what it is crawled for; after a crash it may come here again."""
        print(f"{answer.status} {page.url} (depth {page.depth}, {len(answer.links)} links)")

    def rules(self, page: Page) -> RobotFileParser:
        """Return what a host allows; it is asked once a day, for all workers."""
        host = host_of(page.url)
        try:
            robots = self.robots.by_key(host)
        except KeyError:
            answer = self.fetch(urljoin(page.url, "/robots.txt"), FOLLOWING)
            robots = Robots(host, answer.text)
            self.robots.add(robots)
        rules = parse_robots(robots.text)
        self.delays[host] = max(self.plan.delay, float(rules.crawl_delay(self.plan.agent) or 0))
        return rules

    def fetch(self, url: str, opener: OpenerDirector | None = None) -> Answer:
        """Ask for a page; raise an error if it may be there another time."""
        request = Request(url, headers={"User-Agent": self.plan.agent})  # noqa: S310  (see normal)
        end = time.monotonic() + self.plan.timeout
        try:
            with (opener or STAYING).open(request, timeout=self.plan.timeout) as response:
                return read(url, response, end)
        except HTTPError as error:
            with error:
                if error.code == 429 or error.code >= 500:
                    raise
                # A redirection is a link: what it leads to may be done, or be elsewhere.
                location = error.headers.get("Location")
                link = normal(location, url) if location else None
                return Answer(error.code, "", [link] if link else [])

    def clear(self) -> None:
        """Forget all about this crawl."""
        self.hosts.clear()
        self.done.clear()
        self.robots.clear()
        for queue in self.queues.values():
            queue.clear()


class Links(HTMLParser):
    """Finds the links of a page."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.base = url
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if not href:
            return
        if tag == "base":
            self.base = normal(href, self.base) or self.base
        elif tag == "a" and (link := normal(href, self.base)):
            self.links.append(link)


class NoRedirects(HTTPRedirectHandler):
    """Leaves it to the crawler to go where a page has moved."""

    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Make no request."""


STAYING = build_opener(NoRedirects)
FOLLOWING = build_opener()


def normal(url: str, base: str = "") -> str | None:
    """Return the one form of an address by which a page is known; None if it is no page."""
    try:
        scheme, host, path, query, _ = urlsplit(urljoin(base, url.strip()))
    except ValueError:
        return None
    if scheme not in {"http", "https"} or not host or "@" in host:
        return None
    safe = "!$%&'()*+,-./:;=?@_~"
    return urlunsplit((scheme, host.lower(), quote(path or "/", safe), quote(query, safe), ""))


def host_of(url: str) -> str:
    """Return the host of an address, with its port."""
    return urlsplit(url).netloc


def read(url: str, response: HTTPResponse, end: float) -> Answer:
    """Read a page of text until some time, and no more than the largest one may have."""
    kind = response.headers.get_content_type()
    if not kind.startswith("text/"):
        return Answer(response.status, "", [])
    body = b""
    # A site that sends a byte now and then would never reach the timeout of a single read.
    while len(body) < LARGEST and (part := response.read1(LARGEST)):
        body += part
        if time.monotonic() > end:
            message = "it takes too long"
            raise TimeoutError(message)
    charset = response.headers.get_content_charset("utf-8")
    try:
        text = body[:LARGEST].decode(charset, "replace")
    except LookupError:
        text = body[:LARGEST].decode("utf-8", "replace")
    parser = Links(url)
    if kind == "text/html":
        parser.feed(text)
    return Answer(response.status, text, parser.links)


@lru_cache
def parse_robots(text: str) -> RobotFileParser:
    """Read a robots.txt; without a line it allows everything."""
    parser = RobotFileParser()
    parser.parse(text.splitlines())
    return parser


def retry_after(error: Exception) -> float:
    """Return how many seconds a site that is overworked wants to be left alone."""
    seconds = error.headers.get("Retry-After", "") if isinstance(error, HTTPError) else ""
    return min(float(seconds), LONGEST_REST) if seconds.isdecimal() else 0.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Crawl with several workers, and tell what could not be fetched."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("start", nargs="+", help="where to begin; other hosts are not visited")
    parser.add_argument("--url", default="memory://", help="where the sets are")
    parser.add_argument("--name", default="crawler", help="what the crawl is called")
    parser.add_argument("--workers", type=int, default=4, help="hosts that are visited at once")
    parser.add_argument("--again", action="store_true", help="forget what was done before")
    for each in fields(Plan):
        kind, meaning = type(each.default), each.metadata["help"]
        parser.add_argument(f"--{each.name}", type=kind, default=each.default, help=meaning)
    options = parser.parse_args(arguments)
    plan = Plan(**{each.name: getattr(options, each.name) for each in fields(Plan)})

    with connect(options.url) as backend, ThreadPoolExecutor(options.workers) as workers:
        crawler = Crawler(backend, options.name, options.start, plan)
        if not crawler.start:
            parser.error("no page has such an address: it begins with http:// or https://")
        if options.again:
            crawler.clear()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: crawler.stopping.set())
        for work in [workers.submit(crawler.crawl) for _ in range(options.workers)]:
            work.result()
        print(f"{len(crawler.done)} pages are done")
        for queue in crawler.queues.values():
            for letter in queue.dead():
                print(f"given up: {letter.raw.decode()}: {letter.reason}")


if __name__ == "__main__":
    main()
