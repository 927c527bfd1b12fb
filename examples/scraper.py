"""A scraper with many producers and consumers that never does the same work twice.

Every worker takes a page, fetches it, and adds the links it finds: most of them to pages
that somebody has found before. Two sets keep the workers, in as many processes as you
like, from fetching a page twice: `TTLSet.add_unseen` gives back what nobody has seen within
a day, and only that goes into the queue, from which each page is handed out once.

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
from typing import TYPE_CHECKING
from urllib.parse import urljoin
from urllib.request import urlopen

from redset import SortedSet, TTLSet, connect
from redset.exceptions import EmptySetError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from redset.interfaces import Backend

WORKERS = 4
PAGES = 60
BROKEN = 59
DAY = 24 * 3600.0

LINK = re.compile(r'href="([^"]+)"')


class Scraper:
    """The sets that all workers share."""

    def __init__(self, backend: Backend, name: str) -> None:
        # Shallow pages first: the scorer counts the slashes.
        self.queue = SortedSet(backend, f"{name}:queue", lambda page: page.count("/"))
        self.seen = TTLSet(backend, f"{name}:seen", ttl=DAY)
        self.done = TTLSet(backend, f"{name}:done", ttl=DAY)

    def find(self, pages: Sequence[str]) -> None:
        """Queue the pages that nobody has seen."""
        self.queue.update(self.seen.add_unseen(pages))

    def fetch(self, page: str) -> None:
        """Fetch a page and follow its links."""
        text = ""
        try:
            with urlopen(page, timeout=10) as answer:  # noqa: S310  (only from our own site)
                text = answer.read().decode()
        except OSError as error:
            print(f"{page}: {error}")
        self.find([urljoin(page, link) for link in LINK.findall(text)])
        # Only now: as long as a page may lead to others, it counts as work to do.
        self.done.add(page)

    def work(self) -> None:
        """Fetch pages until every page seen is fetched."""
        while True:
            try:
                self.fetch(self.queue.pop(timeout=0.1))
            except EmptySetError:
                # Both grow, so if this one, looked at first, is no smaller, nothing is left.
                done = len(self.done)
                if done >= len(self.seen):
                    return

    def clear(self) -> None:
        """Remove the sets."""
        for each in (self.queue, self.seen, self.done):
            each.clear()


@contextmanager
def website() -> Generator[tuple[str, Counter[str]]]:
    """Serve pages with many links; give the address, and the count of visits to each."""
    visits: Counter[str] = Counter()
    counting = threading.Lock()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with counting:
                visits[self.path] += 1
            here = int(self.path.strip("/") or 0)
            near = sorted({(here * step + 1) % PAGES for step in range(1, 8)})
            if here == BROKEN:
                self.send_error(404)
                return
            text = "".join(f'<a href="/{page or ""}">{page}</a>' for page in near).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name)
            """Be silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
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
        scraper.find([start] * WORKERS)
        workers = [threading.Thread(target=scraper.work) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        scraper.clear()
    print(f"{len(visits)} pages found by {WORKERS} workers")
    print(f"the most visited one was fetched {max(visits.values())} time(s)")


if __name__ == "__main__":
    main()
