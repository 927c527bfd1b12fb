"""The redset command as a process: pipes, signals, terminals, and what is not installed."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from typer.testing import CliRunner

from redset import SortedSet, connect
from redset.cli.program import app
from tests.support.command import DOWN, Command, Done, command
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.backends import Backends

KIND: Final = "valkey-9.1"
PATIENCE = 30.0


@pytest.fixture
def redset(backends: Backends, name: str) -> Iterator[Command]:
    with command(backends, name, KIND) as redset:
        yield redset


@pytest.fixture
def items(redset: Command, name: str) -> Iterator[SortedSet[str]]:
    with connect(redset.url) as backend:
        yield SortedSet(backend, name)


class Terminal:
    """A command that runs in a terminal of 80 columns."""

    def __init__(self, redset: Command, *words: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = {
            key: value for key, value in os.environ.items() if key not in {"COLUMNS", "NO_COLOR"}
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "redset.cli", *words],
            cwd=Path(__file__).parents[1],
            env={**environment, "REDSET_URL": redset.url, "TERM": "xterm-256color"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            # What is typed is a signal only in the terminal of one's own.
            preexec_fn=_take_terminal,  # noqa: PLW1509  (it only makes a system call)
        )
        os.close(slave)
        self.text = ""

    def read_until(self, pattern: str) -> None:
        """Read until the text of the terminal matches."""
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text, re.DOTALL):
            assert time.monotonic() < deadline, self.text
            self.text += self._read() or pytest.fail(self.text)

    def press_ctrl_c(self) -> None:
        os.write(self._master, b"\x03")

    def end(self) -> int:
        """Read on to the end, and return the exit code."""
        while more := self._read():
            self.text += more
        os.close(self._master)
        return self._process.wait(PATIENCE)

    def _read(self) -> str:
        try:
            return os.read(self._master, 65536).decode(errors="replace")
        except OSError:  # the other end is closed
            return ""

    @property
    def lines(self) -> list[str]:
        """The lines without colours and moves of the cursor."""
        text = self.text.replace("\x1b[2K", "\n").replace("\r", "")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).splitlines()


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


# Pipes


def test_a_reader_that_goes_away_is_no_error(
    redset: Command, items: SortedSet[str], name: str
) -> None:
    items.update(f"a rather long item, of number {number:06}" for number in range(20_000))
    done = redset.shell(f"$redset peek {name} -n 20000 | head -2")
    assert (done.code, done.errors, len(done.lines)) == (141, "", 2)
    done = redset.shell(f"$redset export {name} | head -1")
    assert (done.code, done.errors, len(done.lines)) == (141, "", 1)


def test_what_the_reader_does_not_take_is_put_back(
    redset: Command, items: SortedSet[str], name: str
) -> None:
    items.update(f"a rather long item, of number {number:06}" for number in range(20_000))
    done = redset.shell(f"$redset take {name} 20000 | head -1")
    assert done.code == 141
    assert done.errors == "redset: put back, as they could not be printed: 1,000\n"
    # At most what was in the pipe by then is gone.
    assert items.length() > 17_000


def test_what_cannot_be_written_is_put_back(
    redset: Command, items: SortedSet[str], name: str
) -> None:
    items.update("abc")
    done = redset.shell(f"$redset take {name} 2 > /dev/full")
    assert done.code == 4
    assert done.errors.splitlines() == [
        "redset: put back, as they could not be printed: 2",
        "redset: [Errno 28] No space left on device",
    ]
    assert list(items) == ["a", "b", "c"]


def test_lines_are_added_as_they_come(redset: Command, items: SortedSet[str], name: str) -> None:
    process = redset.start("add", name, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write("first\nsec")
    process.stdin.flush()
    assert items.pop(timeout=PATIENCE) == "first"
    process.stdin.write("ond\n")
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert list(items) == ["second"]


def test_a_stream_may_be_closed(redset: Command, items: SortedSet[str], name: str) -> None:
    items.add("a")
    done = redset.shell(f"$redset pop {name} >&-")
    assert (done.code, done.errors) == (4, "redset: there is no output to write to\n")
    assert redset.shell(f"$redset pop {name} 2>&-") == Done(0, "a\n", "")
    assert redset.shell(f"$redset pop {name} 2>&-") == Done(1, "", "")
    assert redset.shell(f"$redset add {name} <&-").output == "0 new, 0 there already\n"


def test_one_s_output_is_another_s_input(redset: Command, items: SortedSet[str], name: str) -> None:
    items.update(["a", "b", "c"])
    done = redset.shell(f"$redset take {name} 2 | $redset add {name} --score 7")
    assert (done.code, done.output) == (0, "2 new, 0 there already\n")
    assert list(items.items()) == [("c", 0.0), ("a", 7.0), ("b", 7.0)]


def test_arguments_are_bytes_and_terminals_need_not_be_utf8(redset: Command, name: str) -> None:
    line = f"$redset add {name} $'\\xff' é && $redset peek {name}"
    done = redset.shell(line, PYTHONIOENCODING="ascii", LC_ALL="C.UTF-8")
    assert done.output.splitlines()[1:] == ["SCORE  ITEM", r"    0  \xe9", r"    0  \xff"]


# Signals and terminals


def test_ctrl_c_ends_a_wait(redset: Command, backends: Backends, name: str) -> None:
    terminal = Terminal(redset, "pop", name, "--timeout", "100")
    with closing(backends.client(KIND)) as client:
        # Before it waits, it says so.
        until(lambda: client.exists(f"{{{name}}}:waiting"))
    terminal.press_ctrl_c()
    assert terminal.end() == 130
    assert "".join(terminal.lines) == "^C"


def test_ctrl_c_at_a_question_removes_nothing(
    redset: Command, items: SortedSet[str], name: str
) -> None:
    items.add("a")
    terminal = Terminal(redset, "clear", name)
    terminal.read_until(r"\[y/N\] ")
    terminal.press_ctrl_c()
    assert terminal.end() == 130
    assert items.length() == 1


def test_an_export_to_the_terminal_shows_no_progress(
    redset: Command, items: SortedSet[str], name: str
) -> None:
    items.add("a")
    terminal = Terminal(redset, "export", name)
    assert terminal.end() == 0
    assert "100%" not in terminal.text
    assert len(terminal.lines) == 3


def test_an_interrupt_without_a_terminal_says_nothing(redset: Command, name: str) -> None:
    process = redset.start("watch", name)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (130, "")


def test_watch_draws_each_set(redset: Command, items: SortedSet[str], name: str) -> None:
    items.update(["a", "b"], [time.time() - 90, 5e9])
    items.claims(1)
    items.add("c", time.time() - 90)
    terminal = Terminal(redset, "watch", name, f"{name}-not", "--interval", "0.1")
    terminal.read_until("▁▁▁")
    terminal.press_ctrl_c()
    assert terminal.end() == 130
    lines = [line for line in terminal.lines if line.strip()]
    assert all(len(line) <= 80 for line in lines)
    at = max(index for index, line in enumerate(lines) if line.startswith(f"{name} "))
    assert re.fullmatch(rf"{name}  first \d\.\d min ago  claimed \d+\.\d s ago", lines[at])
    assert [line.split()[:2] for line in lines[at + 1 : at + 8]] == [
        ["pending", "2"],
        ["due", "1"],
        ["delayed", "0"],
        ["claimed", "1"],
        ["dead", "0"],
        ["in/s", "0.0"],
        ["out/s", "0.0"],
    ]
    assert lines[at + 8] == f"{name}-not"


def test_lines_are_cut_at_the_edge_of_a_terminal_and_nowhere_else(
    redset: Command, items: SortedSet[str], name: str
) -> None:
    items.add("ok")
    items.add("汉" * 100, 1)
    items.claim().bury("a reason that goes on and on, " * 5)
    items.claim().bury("short")
    terminal = Terminal(redset, "dead", name)
    assert terminal.end() == 0
    first, second = terminal.lines[1:3]
    assert first.endswith("…  ok")
    # Each is two columns wide, so one may be left.
    assert second.rstrip("…").rstrip().endswith("汉")
    assert second.endswith("…")
    assert redset("dead", name).lines[2].endswith("汉" * 100)


def test_progress_is_shown_on_a_terminal(
    redset: Command, items: SortedSet[str], name: str, tmp_path: Path
) -> None:
    items.update("abc")
    file = str(tmp_path / "[red]file")
    terminal = Terminal(redset, "export", name, file)
    assert terminal.end() == 0
    assert f"export {name}" in terminal.text
    assert "100%" in terminal.text
    terminal = Terminal(redset, "import", f"{name}[red]", file)
    assert terminal.end() == 0
    assert f"import {name}[red]" in terminal.text
    assert terminal.lines[-1] == f"3 records stored in {name}[red]"


def test_a_server_that_goes_away_ends_a_watch() -> None:
    with Server(KIND) as server:
        process = Command(server.url).start("watch", "jobs", "--interval", "0.1")
        assert process.stdout is not None
        process.stdout.readline()
        server.kill()
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3
    assert len(errors.splitlines()) == 1
    assert "failed" in errors


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# Completion and installation


def complete(redset: Command, line: str) -> list[str]:
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    environment = {"REDSET_URL": redset.url, "_REDSET_COMPLETE": "complete_bash", **words}
    result = CliRunner().invoke(app, env=environment, prog_name="redset")
    assert result.stderr == ""
    return result.stdout.split()


def test_names_are_completed(redset: Command, items: SortedSet[str], name: str) -> None:
    items.add("a")
    assert complete(redset, f"redset show {name[:-3]}") == [name]
    assert complete(redset, f"redset watch jobs {name[:-3]}") == [name]
    assert complete(redset, "redset exp") == ["export"]
    down = Command(DOWN)
    assert complete(down, f"redset show {name[:-3]}") == []
    assert complete(down, f"redset show --url {redset.url} {name[:-3]}") == [name]


def test_a_name_that_means_something_to_a_shell_is_not_completed(
    redset: Command, items: SortedSet[str], name: str
) -> None:
    items.add("a")
    odd = ["\\$(id)", "$x", "`id`", ";id", "|id", "'", '"', " b", "\nb", "\x1b[31m", "*", "{a,b}"]
    plain = ["", ":a", "-é", "{a}"]
    with closing(connect(redset.url)) as backend:
        for end in odd + plain:
            SortedSet(backend, name + end).add("a")
    assert sorted(complete(redset, f"redset show {name}")) == sorted(name + end for end in plain)


MISSING = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""


def run(source: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("package", ["typer", "rich", "redis"])
def test_the_extra_is_asked_for(package: str) -> None:
    done = run(f"{MISSING.format(package=package)}\nfrom redset.cli import main\nmain()")
    assert done.code == 1
    assert done.errors == (f"redset: the command needs {package}: pip install 'redset[cli]'\n")


def test_a_fault_of_redset_is_not_taken_for_a_missing_package() -> None:
    missing = "import sys; sys.modules['redset.cli.program'] = None\n"
    done = run(f"{missing}from redset.cli import main\nmain()")
    assert "ModuleNotFoundError" in done.errors


def test_import_redset_needs_nothing_of_the_command() -> None:
    source = "import sys, redset; print({'typer', 'rich', 'redset.cli'} & set(sys.modules))"
    assert run(source).output == "set()\n"
