"""The programs on the pages of docs/ run, and do what is said of them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.support.pages import ROOT, Page, constant, environment
from tests.support.servers import Server, start_cluster

if TYPE_CHECKING:
    from pathlib import Path

SERVER = "redis://localhost:6379"
CLUSTER = "redis+cluster://localhost:7000"

# Orders pages of the service, and waits until its worker has fetched them.
CLIENT = """
from fastapi.testclient import TestClient
from app import app

with TestClient(app) as client:
    order = lambda page: client.post("/pages", params={"url": page}).json()
    print(order("/about"), order("/"))
    while sum((counts := client.get("/pages").json()).values()):
        pass
    print(counts)
"""

# Sends tasks that are done at once, as if by a worker; and one for the page of a dead one.
TASKS = """
import tasks

tasks.app.conf.task_always_eager = True
print(tasks.order("/about"))
tasks.pages.update(["/", "/jobs"], [2, 1])
print(tasks.pages.add_new("/"), tasks.order("/"), tasks.work())
"""


def run(folder: Path, *command: str) -> str:
    """Run a command as a user does; return what it prints."""
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def python(folder: Path, program: str) -> list[str]:
    return run(folder, sys.executable, "-c", program).splitlines()


def test_every_page_is_in_the_navigation() -> None:
    project = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]
    docs = ROOT / "docs"
    there = sorted(str(path.relative_to(docs)) for path in docs.rglob("*.md"))
    assert sorted(re.findall(r"'([^']+\.md)'", repr(project["nav"]))) == there


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_links_lead_to_pages(name: str) -> None:
    # Those between the pages are checked when the site is built.
    links = re.findall(r"\]\((?!http|#)([^)#]+)", (ROOT / name).read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_type_checkers_are_held_to_the_page_on_types() -> None:
    [(_, program)] = Page("how-to/typing.md").blocks("python")
    assert program == (ROOT / "tests" / "typing" / "negative_page.py").read_text()


def test_the_tests_of_the_page_on_tests_pass(tmp_path: Path) -> None:
    page = Page("how-to/testing.md")
    page.write_programs(tmp_path)
    [(line, shown)] = page.commands()
    assert constant(run(tmp_path, *line.split())) == constant(shown)


def test_the_service_fetches_each_page_once(tmp_path: Path) -> None:
    with Server("valkey-9.1") as server:
        Page("how-to/frameworks.md", {SERVER: server.url}).write_programs(tmp_path)
        printed = python(tmp_path, CLIENT)
    # Two threads write at once, and may write between each other's words.
    text = "\n".join(printed)
    assert "{'new': True} {'new': True}" in text
    assert [text.count(word) for word in ("fetching", "/about", "/")] == [2, 1, 2]
    assert printed[-1] == "{'waiting': 0, 'fetched now': 0, 'given up': 0}"


def test_a_task_takes_what_is_first(tmp_path: Path) -> None:
    with Server("valkey-9.1") as server:
        Page("how-to/frameworks.md", {SERVER: server.url}).write_programs(tmp_path)
        printed = python(tmp_path, TASKS)
    assert printed == [
        "fetching /about",
        "True",
        "fetching /jobs",
        "fetching /",
        "False False 2",
    ]


def test_the_page_on_clusters_shows_what_is_printed(tmp_path: Path) -> None:
    with start_cluster() as cluster:
        url = f"redis+cluster://127.0.0.1:{cluster.primaries[0].port}"
        page = Page("how-to/cluster.md", {CLUSTER: url})
        page.write_programs(tmp_path)
        for line, shown in page.commands():
            assert run(tmp_path, *line.split()) == shown
