"""A web site of our own, which notes who asked for what."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from email.message import Message

ROBOTS = "User-agent: *\nDisallow: /private\n"

# A text, or a status, headers and a text; or what gives that for the headers of a request.
Answer: TypeAlias = "str | tuple[int, dict[str, str], str]"
Page: TypeAlias = "Answer | Callable[[Message], Answer]"


class Site(ThreadingHTTPServer):
    """Serves pages on a free port, and notes who asked for what, and when."""

    daemon_threads = True

    def __init__(self, pages: Mapping[str, Page]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        robots: Answer = (200, {"Content-Type": "text/plain"}, ROBOTS)
        self.pages: dict[str, Page] = {"/robots.txt": robots, **pages}
        self.asked: list[str] = []
        self.times: list[tuple[float, float]] = []
        self.before: Callable[[str], object] = len
        self.lock = threading.Lock()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def address(self, path: str = "/") -> str:
        return f"http://{self.host}{path}"

    def visits(self) -> Counter[str]:
        return Counter(path for path in self.asked if path != "/robots.txt")

    def handle_error(self, request: object, client_address: object) -> None:
        """Be silent: crawlers hang up, and are killed."""


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        began = time.monotonic()
        with self.server.lock:
            self.server.asked.append(self.path)
        self.server.before(self.path)
        page = self.server.pages.get(self.path, (404, {}, "no such page"))
        answer = page(self.headers) if callable(page) else page
        status, headers, text = (200, {}, answer) if isinstance(answer, str) else answer
        body = text.encode()
        # Noted before the answer is out: what comes after it began later.
        if self.path != "/robots.txt":
            with self.server.lock:
                self.server.times.append((began, time.monotonic()))
        self.send_response(status)
        for header, value in {"Content-Type": "text/html", **headers}.items():
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name)
        """Be silent."""


def links(*paths: str) -> str:
    return "".join(f'<p><a href="{path}">to {path}</a>' for path in paths)


@contextmanager
def serving(pages: Mapping[str, Page]) -> Generator[Site]:
    with Site(pages) as site:
        thread = threading.Thread(target=site.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield site
        finally:
            site.shutdown()
            thread.join()


def flaky(*answers: Answer) -> Page:
    """Answer in turn, and by the last one from then on."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def moved(to: str) -> Answer:
    return 302, {"Location": to}, ""
