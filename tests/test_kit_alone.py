"""The kit in the hands of an author who has just begun."""

from __future__ import annotations

import pytest

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


def test_a_kit_with_a_backend_runs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from redset.backends import MemoryBackend
        from redset.testing import BackendConformance, backend_machine

        class TestMine(BackendConformance):
            @pytest.fixture
            def backend(self):
                return MemoryBackend()

        TestMineAtRandom = backend_machine(MemoryBackend).TestCase
        """
    )
    result = pytester.runpytest_inprocess("-k", "slice or Random", "-p", "no:xdist")
    assert result.ret == pytest.ExitCode.OK
