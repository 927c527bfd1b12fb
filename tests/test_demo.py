"""The program that is installed with redset: python -m redset.demo."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from redset import connect
from redset.demo import main, program
from redset.demo.crawling import Counts, Crawl
from redset.demo.library import Library
from redset.demo.workers import Plan, server_errors, work_alone
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from tests.support.backends import Backends

SOURCES = {
    "app.py": "import pkg.sub.deep, os\nimport broken",
    "broken.py": "def (",
    "pkg/__init__.py": "from . import one\nfrom .sub import *",
    "pkg/one.py": "from pkg import two, something\nfrom .... import beyond",
    "pkg/two.py": "def later():\n    import app\n    from pkg.one import name",
    "pkg/sub/__init__.py": "",
    "pkg/sub/deep.py": "from .. import one\nfrom ..two import later\nimport pkg.sub.deep",
    "pkg/unused.py": "# much longer than the others" * 10,
    "data/no_module.py": "",
}
MODULES = {
    "app",
    "broken",
    "pkg",
    "pkg.one",
    "pkg.two",
    "pkg.sub",
    "pkg.sub.deep",
    "pkg.unused",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a few modules that import each other in every way there is."""
    for path, source in SOURCES.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    return tmp_path


@pytest.fixture
def url(backends: Backends, name: str) -> Iterator[str]:
    """Return the address of a server, on which in the end no key must be left."""
    yield backends.server("valkey-9.1").url
    assert backends.leaked_keys("valkey-9.1", name) == []


def numbers(report: str) -> dict[str, int]:
    """Read the numbers of a report, those of its workers added up."""
    found: dict[str, int] = {"own": 0}
    for what, number in re.findall(r"^(\S.*?)  +([\d,]+)\b(?!\.)", report, re.MULTILINE):
        key = "own" if what.startswith("worker") else what
        found[key] = found.get(key, 0) + int(number.replace(",", ""))
    return found


@contextmanager
def started(*arguments: str) -> Generator[subprocess.Popen[str]]:
    """Run the program in a process group of its own."""
    command = [sys.executable, "-m", "redset.demo", *arguments]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(condition: Callable[[], object], pause: float = 0.01) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "this took too long"
        time.sleep(pause)


def until_watched(run: subprocess.Popen[str]) -> None:
    """Wait for a word on the progress: no worker is being started, when Ctrl-C is ignored."""
    assert run.stderr is not None
    assert "modules parsed" in run.stderr.readline()


@contextmanager
def taking_part(url: str, prefix: str, library: Library) -> Generator[Crawl]:
    """Take part in a crawl that lacks one module, so that it cannot come to its end."""
    with connect(url) as backend:
        crawl = Crawl(backend, prefix, library)
        crawl.join("test")
        crawl.runs.add("test", 600)
        crawl.found.add("missing")
        yield crawl
        crawl.leave("test")


# What modules import


def test_the_modules_of_a_folder_are_known_by_their_full_names(folder: Path) -> None:
    library = Library.at(folder)
    assert all(module in library for module in MODULES)
    assert "data.no_module" not in library
    assert library.children() == ["app", "broken", "pkg"]
    assert library.children("pkg") == ["pkg.one", "pkg.sub", "pkg.two", "pkg.unused"]
    assert library.children("app") == []
    assert library.size("app") == len(SOURCES["app.py"])


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("app", {"pkg", "pkg.sub", "pkg.sub.deep", "broken"}),
        ("pkg", {"pkg.one", "pkg.sub"}),
        ("pkg.one", {"pkg", "pkg.two"}),
        ("pkg.two", {"app", "pkg", "pkg.one"}),
        ("pkg.sub.deep", {"pkg", "pkg.one", "pkg.two", "pkg.sub"}),
        ("pkg.unused", set()),
        ("not.there", set()),
    ],
)
def test_imports_are_found_wherever_they_stand(
    folder: Path, module: str, imported: set[str]
) -> None:
    assert Library.at(folder).imports(module) == imported


def test_the_standard_library_has_modules_of_all_kinds() -> None:
    library = Library.standard()
    assert {"json", "sys", "__future__"} <= set(library.children())
    assert "json.decoder" in library.children("json")
    assert library.size("sys") == 0
    assert library.imports("sys") == set()
    assert {"re", "json.scanner", "json"} <= library.imports("json.decoder")
    assert "pytest" not in library


# In one process


def test_a_folder_is_crawled_to_the_end(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--folder", str(folder), "--workers", "3"]) == 0
    report = capsys.readouterr().out
    found = numbers(report)
    assert found["modules"] == found["parsed"] == found["own"] == len(MODULES)
    # Three at the top, 15 imports, 5 submodules of packages.
    assert found["adds"] == 23
    assert found["duplicates avoided"] == 23 - len(MODULES)
    assert "with errors in it    broken\n" in report
    assert re.search(r"most imported\n +pkg +4\n", report)
    assert "removed" in report


def test_the_crawl_begins_where_it_is_told_to(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pkg.unused", "broken", "--folder", str(folder)]) == 0
    report = capsys.readouterr().out
    assert numbers(report)["modules"] == 2
    assert "nothing imported" in report


def test_the_standard_library_is_crawled_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    output = capsys.readouterr()
    found = numbers(output.out)
    assert found["modules"] == found["parsed"] == found["own"] > 500
    assert found["adds"] - found["duplicates avoided"] == found["modules"]
    assert found["duplicates avoided"] > found["modules"]
    assert re.search(r"most imported\n +sys ", output.out)


@pytest.mark.parametrize(
    ("by_depth", "order"),
    [
        (False, ["pkg.sub", "broken", "app", "pkg.unused"]),
        (True, ["app", "pkg.unused", "broken", "pkg.sub"]),
    ],
)
def test_modules_are_parsed_in_the_order_asked_for(
    folder: Path, name: str, *, by_depth: bool, order: list[str]
) -> None:
    with connect("memory://") as backend:
        crawl = Crawl(backend, name, Library.at(folder), by_depth=by_depth)
        crawl.bring(["app"], 0, "test")
        crawl.bring(["pkg.unused"], 1, "test")
        crawl.bring(["broken", "pkg.sub", "app"], 2, "test")
        assert list(crawl.queue) == order


def test_what_a_killed_run_left_is_swept_away(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"memory://{name}"
    with connect(url) as backend:
        Crawl(backend, name, Library.at(folder)).found.add("left over")
        assert main(["--folder", str(folder), "--url", url, "--prefix", name]) == 0
    assert numbers(capsys.readouterr().out)["modules"] == len(MODULES)


def test_a_run_does_not_wait_for_ever_for_a_module_that_is_lost(
    folder: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(program, "_PATIENCE", 0.3)
    url = f"memory://{name}"
    with taking_part(url, name, Library.at(folder)):
        assert main(["--folder", str(folder), "--url", url, "--prefix", name]) == 1
    report = capsys.readouterr().out
    assert "Given up, with 1 modules not parsed" in report
    assert "Another run is at work." in report


def test_a_run_that_is_interrupted_removes_its_sets(
    folder: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(program.Progress, "show", interrupt)
    with connect(f"memory://{name}") as backend:
        crawl = Crawl(backend, name, Library.at(folder))
        assert main(["--folder", str(folder), "--url", f"memory://{name}", "--prefix", name]) == 130
        assert crawl.counts() == Counts(0, 0, 0)
    assert "Interrupted" in capsys.readouterr().out


def test_the_sets_can_be_removed_by_hand(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--url", f"memory://{name}", "--prefix", name, "--clear"]
    with connect(f"memory://{name}") as backend:
        crawl = Crawl(backend, name, Library.at(folder))
        crawl.bring(["app", "pkg"], 0, "test")
        assert main(arguments) == 0
        assert not crawl.queue
        assert not crawl.found
    assert "2 modules were waiting" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--workers", "0"], "'0' is no number of workers: give 1 to 256"),
        (["--workers", "257"], "'257' is no number of workers: give 1 to 256"),
        (["--prefix", "{}"], "choose a name without it"),
        (["--workers", "many"], "'many' is no number of workers"),
        (["--url", "http://here"], "argument --url: cannot connect by 'http'"),
        (["--url", "redis://127.0.0.1:1"], "argument --url: "),
        (["json.nothing"], "there is no module 'json.nothing' here"),
        (["--folder", "/dev/null"], "there are no modules in '/dev/null'"),
    ],
)
def test_a_bad_argument_is_told(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert complaint in capsys.readouterr().err


# Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_stays_on_one_line_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal()
    with closing(program.Progress(terminal)) as progress:
        progress.show(Counts(1, 2, 5))
        progress.show(Counts(1000, 2000, 5000))
    first, last = terminal.getvalue().removesuffix("\n").split("\r")[1:]
    assert first.rstrip() == "1 of 2 modules parsed, 5 added, 3 of them duplicates"
    assert last.startswith("1,000 of 2,000 modules parsed")
    assert len(first) == len(last) == 79


def test_progress_is_plain_lines_elsewhere() -> None:
    stream = io.StringIO()
    with closing(program.Progress(stream, interval=0)) as progress:
        progress.show(Counts(1, 2, 5))
    with closing(program.Progress(stream, interval=600)) as progress:
        progress.show(Counts(2, 2, 5))
    assert stream.getvalue() == "1 of 2 modules parsed, 5 added, 3 of them duplicates\n"


# On a server


def test_a_worker_of_its_own_process_finds_all_it_needs_in_its_plan(
    folder: Path, url: str, name: str
) -> None:
    library = Library.at(folder)
    with connect(url) as backend:
        crawl = Crawl(backend, name, library)
        crawl.join("test")
        crawl.bring(library.children(), 0, "test")
        work_alone(Plan(url, name, by_depth=False, folder=folder), "alone", lambda: False)
        assert crawl.parsed.score("alone") == len(MODULES)
        assert crawl.leave("test")


def test_processes_crawl_the_standard_library(url: str, name: str) -> None:
    with started("--url", url, "--prefix", name, "--workers", "2", "--order", "depth") as process:
        output, errors = process.communicate(timeout=100)
    found = numbers(output)
    assert process.returncode == 0, errors
    assert found["modules"] == found["parsed"] == found["own"] > 500
    assert "Traceback" not in errors


def test_two_programs_at_once_share_the_work(tmp_path: Path, url: str, name: str) -> None:
    for number in range(1500):
        (tmp_path / f"module_{number:04}.py").write_text("import module_0000")
    arguments = ["module_0000", "--folder", str(tmp_path), "--url", url, "--prefix", name]
    library = Library.at(tmp_path)
    with ExitStack() as stack:
        crawl = stack.enter_context(taking_part(url, name, library))
        runs = [stack.enter_context(started(*arguments, "--workers", "2")) for _ in range(2)]
        modules = iter(library.children())

        def both_work() -> bool:
            # One after the other, so that those who started first cannot take them all.
            crawl.bring([next(modules)], 0, "test")
            return len({worker.partition("-")[0] for worker in crawl.parsed}) == 2

        until(both_work, pause=0.05)
        crawl.bring(list(modules), 0, "test")
        # The one that is missing is parsed here.
        crawl.parsed.increment("test")
        reports = [run.communicate(timeout=100) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], reports
    results = [numbers(output) for output, _ in reports]
    assert all(result["own"] > 0 for result in results)
    # Each module was parsed once, by one of the two.
    assert sum(result["own"] for result in results) == 1500
    assert all(result["modules"] == 1501 for result in results)


def test_ctrl_c_ends_a_run_and_its_processes(folder: Path, url: str, name: str) -> None:
    arguments = ["--folder", str(folder), "--url", url, "--prefix", name]
    with ExitStack() as stack:
        crawl = stack.enter_context(taking_part(url, name, Library.at(folder)))
        run = stack.enter_context(started(*arguments, "--workers", "2"))
        until(lambda: crawl.counts().parsed == len(MODULES))
        until_watched(run)
        # As a terminal does: all processes get it.
        os.killpg(run.pid, signal.SIGINT)
        output, errors = run.communicate(timeout=60)
    assert run.returncode == 130, errors
    assert "Traceback" not in errors
    assert "Interrupted, with 1 modules not parsed." in output


@contextmanager
def at_work(server: Server, folder: Path) -> Generator[subprocess.Popen[str]]:
    """Give a run whose workers are waiting for a module that never comes."""
    arguments = ["--folder", str(folder), "--workers", "2", "--url", server.url]
    with connect(server.url) as backend:
        crawl = Crawl(backend, "redset-demo", Library.at(folder))
        crawl.join("test")
        crawl.found.add("missing")
        with started(*arguments) as run:
            until(lambda: crawl.counts().parsed == len(MODULES))
            until_watched(run)
            yield run


def test_a_server_that_dies_is_told_in_one_line(folder: Path) -> None:
    with Server("valkey-9.1") as server, at_work(server, folder) as run:
        server.kill()
        output, errors = run.communicate(timeout=100)
    assert (run.returncode, output) == (1, "")
    assert re.findall("^python -m redset.demo: the server failed: .+$", errors, re.MULTILINE)
    assert "Traceback" not in errors


def test_ctrl_c_again_and_again_ends_a_run_whose_server_is_silent(folder: Path) -> None:
    with Server("valkey-9.1") as server, at_work(server, folder) as run:

        def ended() -> bool:
            os.killpg(run.pid, signal.SIGINT)
            return run.poll() is not None

        os.kill(server.pid, signal.SIGSTOP)
        try:
            # Long enough for what measures coverage to end, too.
            until(ended, pause=2)
        finally:
            os.kill(server.pid, signal.SIGCONT)
        _, errors = run.communicate(timeout=10)
    # Once Python has nothing left to do but to exit, the signal itself ends the process.
    assert run.returncode in {130, -signal.SIGINT}, errors
    assert "Traceback" not in errors


def test_a_reader_that_goes_away_is_no_error(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "redset.demo", "--folder", str(folder)]
    with os.fdopen(writer, "w") as pipe:
        run = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
    assert (run.returncode, run.stderr) == (1, "")


def test_no_server_fails_without_a_client_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    assert server_errors() == ()


def test_workers_end_when_their_program_is_killed(
    folder: Path, backends: Backends, url: str, name: str
) -> None:
    arguments = ["--folder", str(folder), "--url", url, "--prefix", name]
    with ExitStack() as stack:
        crawl = stack.enter_context(taking_part(url, name, Library.at(folder)))
        client = stack.enter_context(closing(backends.client("valkey-9.1")))
        before = len(client.client_list())
        run = stack.enter_context(started(*arguments, "--workers", "2"))
        until(lambda: crawl.counts().parsed == len(MODULES))
        run.kill()
        until(lambda: len(client.client_list()) <= before)
        # It counts as alive for some seconds yet.
        crawl.runs.clear()
