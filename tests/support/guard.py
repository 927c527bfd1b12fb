"""Ends servers that their test process left behind, however that process ended.

A small child process reads from a pipe which servers run. When the pipe closes (the tests ended,
were interrupted, or were killed), it kills those that are left. Unlike the kernel's parent-death
signal this does not depend on the thread that started a server.
"""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_lock = threading.Lock()
_guards: dict[int, subprocess.Popen[bytes]] = {}


def protect(pid: int, directory: Path) -> None:
    """Kill process group ``pid`` and remove ``directory`` when this process ends."""
    _tell(f"+ {pid} {directory}\n")


def release(pid: int) -> None:
    """Forget a process that has ended."""
    _tell(f"- {pid} \n")


def _tell(line: str) -> None:
    with _lock:
        # A forked child gets its own guard: the parent's servers are not the child's to end.
        guard = _guards.get(os.getpid())
        if guard is None:
            guard = _guards[os.getpid()] = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            atexit.register(_close, os.getpid())
        if guard.stdin is not None:
            guard.stdin.write(line.encode())
            guard.stdin.flush()


def _close(owner: int) -> None:
    if owner == os.getpid():
        _guards.pop(owner).communicate()


def _watch(lines: Iterable[str]) -> None:
    running: dict[int, str] = {}
    for line in lines:
        sign, pid, directory = line.rstrip("\n").split(" ", 2)
        if sign == "+":
            running[int(pid)] = directory
        else:
            running.pop(int(pid), None)
    for left, directory in running.items():
        with suppress(ProcessLookupError):
            os.killpg(left, signal.SIGKILL)
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    _watch(sys.stdin)
