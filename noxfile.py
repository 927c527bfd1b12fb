"""Daily commands. `nox -l` lists them; each makes its own environment."""

from __future__ import annotations

import nox

nox.options.sessions = ["lint", "types", "tests"]
nox.options.default_venv_backend = "venv"

# The oldest and the newest of each major version that is supported; the suite runs on the latest.
CLIENTS = ["5.0.2", "5.3.1", "6.4.0", "7.4.1"]
# What talks to servers through a client.
CLIENT_TESTS = "not memory and not ManualClock"


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """Run the tests, with coverage."""
    session.install("-e", ".[suite]")
    session.run("pytest", "-n", "auto", "--cov", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, and that the generated files are those of their source."""
    session.install("-e", ".[dev]")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("unasyncd", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Run all type checkers."""
    session.install("-e", ".[dev]")
    session.run("mypy")
    session.run("pyright")
    session.run("python", "-m", "tests.typing")


@nox.session
@nox.parametrize("redis", CLIENTS)
def clients(session: nox.Session, redis: str) -> None:
    """Run what talks to servers with an older redis-py, without hiredis."""
    session.install("-e", ".[suite]", f"redis=={redis}")
    session.run("pip", "uninstall", "--yes", "hiredis")
    session.run(
        "pytest",
        *("-n", "auto", "-p", "no:unraisableexception"),
        *("-k", f"{CLIENT_TESTS} and not hiredis"),
        *("tests/test_redis.py", "tests/test_connecting.py", "tests/test_asyncio.py"),
        *("tests/test_claims_on_servers.py", "tests/test_interrupted_claims.py"),
        "tests/test_conformance.py",
    )


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into site/, and check its links."""
    session.install("-e", ".[docs]")
    session.run("zensical", "build", "--strict", "--clean")


@nox.session
def generate(session: nox.Session) -> None:
    """Write the blocking twins of the asyncio source."""
    session.install("-e", ".[dev]")
    session.run("unasyncd")
    session.run("ruff", "format", "redset")
