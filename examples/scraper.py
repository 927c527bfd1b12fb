"""A scraper with many producers and consumers that never does the same work twice.

Every worker claims a page, fetches it, and adds the links it finds: most of them to pages
that somebody has found before. Each link says how urgent it is, and no two agree on it. But a
page is known by its URL alone, the ``key``: until it is done, it is in the queue once, however
often it is found, and is handed to one worker at a time. What is found again can only move
forward, and then carries what came with the more urgent link. After that, a `TTLSet` remembers
it for a day. That holds for as many processes as you like.

No page is lost, even if workers are killed by ``kill -9``: a page is acknowledged at the end
of the ``with`` block, when all that it leads to is queued. Until then it comes back, either
when the lease of a worker that died runs out, or, if it could not be fetched, after a rest.

The site is one of our own, served by this program on a free port.
"""

from __future__ import annotations

import argparse
import os
import re
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import urlopen

from redset import Merge, Payload, Retry, SortedSet, TTLSet, connect
from redset.exceptions import EmptySetError
from redset.serializers import NamedtupleSerializer

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from redset.interfaces import Backend

WORKERS = 4
PAGES = 60
BROKEN = 59
DAY = 24 * 3600.0
# In seconds. It is extended for as long as a page takes, so it only says how soon a page is
# taken over from a worker that was killed.
LEASE = 10.0

LINK = re.compile(r'href="([^"]+)" data-priority="(\d+)"')


class Page(NamedTuple):
    """A page as one link has it."""

    url: str
    # Lower is more urgent.
    priority: int = 0
    found_on: str = ""


class Scraper:
    """The sets that all workers share."""

    def __init__(self, backend: Backend, name: str, lease: float = LEASE) -> None:
        self.lease = lease
        # What this process has found, to be counted in the end.
        self.found: list[Page] = []
        self.queue = SortedSet(
            backend,
            f"{name}:queue",
            lambda page: page.priority,
            NamedtupleSerializer(Page),
            # Pages are told apart by this alone.
            key=lambda page: page.url,
            # The most urgent link to a page counts, with all that it says.
            merge=Merge.EARLIEST,
            payload=Payload.WITH_SCORE,
            # What fails three times is in ``queue.dead()``, to be looked into.
            retry=Retry(max_attempts=3),
        )
        self.done = TTLSet(backend, f"{name}:done", ttl=DAY)

    def work(self, start: str) -> None:
        """Fetch a page and all that it leads to, until nobody has anything left to do."""
        self.queue.add(Page(start))
        while True:
            try:
                with self.queue.claim(self.lease, timeout=0.1, keep_alive=True) as claim:
                    self.visit(claim.item)
            except EmptySetError:
                # What somebody else works on may lead to more, or come back.
                left = self.queue.stats()
                if left.pending + left.claimed == 0:
                    return
            except OSError as error:
                print(f"to be tried again: {error}")

    def visit(self, page: Page) -> None:
        """Fetch a page and queue its links, unless that is done."""
        # It may have been found again while somebody fetched it.
        if page.url in self.done:
            return
        links = [
            Page(urljoin(page.url, link), int(priority), page.url)
            for link, priority in LINK.findall(self.fetch(page.url))
        ]
        self.found.extend(links)
        self.queue.update(link for link in links if link.url not in self.done)
        self.done.add(page.url)

    def fetch(self, url: str) -> str:
        """Return the text of a page; none if the site has no such page."""
        try:
            with urlopen(url, timeout=10) as answer:  # noqa: S310  (only from our own site)
                text: str = answer.read().decode()
        except HTTPError as error:
            print(f"{url}: {error}")
            return ""
        return text

    def clear(self) -> None:
        """Remove the sets."""
        self.queue.clear()
        self.done.clear()


@contextmanager
def website() -> Generator[tuple[str, Counter[str]]]:
    """Serve pages with many links; give the address, and the count of visits to each."""
    visits: Counter[str] = Counter()
    counting = threading.Lock()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with counting:
                visits[self.path] += 1
            here = int(self.path.strip("/") or 0)
            near = sorted({(here * step + 1) % PAGES for step in range(1, 8)})
            links = [(page, (here + 7 * page) % 10) for page in near]
            if here == BROKEN:
                self.send_error(404)
                return
            text = "".join(
                f'<a href="/{page or ""}" data-priority="{priority}">{page}</a>'
                for page, priority in links
            ).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name)
            """Be silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", visits
        finally:
            server.shutdown()
            thread.join()


def main(arguments: Sequence[str] | None = None) -> None:
    """Scrape the site with several workers, and show how often each page was fetched."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", default="memory://", help="where the sets are")
    parser.add_argument("--name", default=f"scraper-{os.getpid()}", help="what they are called")
    options = parser.parse_args(arguments)

    with website() as (start, visits), connect(options.url) as backend:
        scraper = Scraper(backend, options.name)
        # Each worker begins at the same page, as each process would.
        workers = [threading.Thread(target=scraper.work, args=(start,)) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        scraper.clear()
    print(f"{len(visits)} pages found by {WORKERS} workers")
    priorities = len({(page.url, page.priority) for page in scraper.found})
    print(f"{len(scraper.found)} links to them, with {priorities} different priorities")
    print(f"the most visited one was fetched {max(visits.values())} time(s)")


if __name__ == "__main__":
    main()
