"""The kit in the hands of an author who has just begun."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from redset.backends import AsyncMemoryBackend
from redset.interfaces import KeyedMember, Merge, Payload
from redset.testing import blocking
from tests.support.plain import plain_async

DOCUMENTATION = Path(__file__).parent.parent / "docs" / "backends.md"

pytest_plugins = ["pytester"]


def test_a_kit_without_a_backend_says_what_it_needs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from redset.testing import BackendConformance

        class TestMine(BackendConformance):
            pass
        """
    )
    result = pytester.runpytest_inprocess("-k", "test_slice_is_that_of_a_list", "-p", "no:xdist")
    result.stdout.fnmatch_lines(["*NotImplementedError: TestMine needs a fixture called backend"])


def test_the_kit_is_used_as_the_documentation_says(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        mine="""
        from redset.backends import AsyncMemoryBackend as MyAsyncBackend
        from redset.backends import MemoryBackend as MyBackend
        """
    )
    pytester.syspathinsert()
    examples = re.findall(r"```python\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    assert len(examples) == 5
    for number, example in enumerate(examples):
        pytester.makepyfile(**{f"test_example_{number}": example})
    pytester.makeconftest(
        """
        from hypothesis import settings

        settings.register_profile("short", max_examples=3)
        settings.load_profile("short")
        """
    )
    # Of all checks, some that move time and some that do not; and random ones.
    result = pytester.runpytest_subprocess("-k", "slice or time_makes_due or layout or Random")
    assert result.ret == pytest.ExitCode.OK
    # The last example has no random ones, but two classes, which look at layouts, too.
    assert result.parseoutcomes()["passed"] == 4 * 4 + 2 * (3 + 3)


def test_a_view_for_asyncio_need_not_be_a_context_manager() -> None:
    with blocking(lambda: plain_async(AsyncMemoryBackend())) as backend:
        view = backend.keyed(Payload.NEWEST)
        assert view.add("a", [(KeyedMember(b"key", b"payload"), 1.0)], Merge.REPLACE) == 1
        assert view.length("a") == 1
