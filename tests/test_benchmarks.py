"""The benchmarks run, and the page is made of their figures."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks import __main__ as program
from benchmarks import compare, page
from benchmarks.compare import Comparison
from benchmarks.figures import Figures, Part
from benchmarks.harness import Place, Result, race
from benchmarks.plots import PLOTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note which plots are drawn, which needs a package that tests do without."""
    names: list[str] = []

    def draw(name: str, results: Sequence[Result], folder: Path) -> Path:
        assert all(each.place is not None and each.place.plot == name for each in results)
        names.append(name)
        return folder / f"{name}.svg"

    monkeypatch.setattr(page, "draw", draw)
    return names


def faked(monkeypatch: pytest.MonkeyPatch, name: str, *results: Result) -> None:
    """Let a part find these results."""

    def run(*, quick: bool) -> Iterator[Result]:
        assert quick
        yield from results

    monkeypatch.setitem(program.PARTS, name, run)


class TestPage:
    def test_parts_are_run_and_shown(self, tmp_path: Path, drawn: list[str]) -> None:
        program.main(["--quick", "--page", "--only", "serializing", "--to", str(tmp_path)])
        text = (tmp_path / "index.md").read_text(encoding="utf-8")
        assert "![Serializers](serializing.svg)" in text
        assert "| JSONSerializer.dumps | json.dumps |" in text
        assert "- serializing: " in text
        assert "*Not run yet: `python -m benchmarks --only single`.*" in text
        assert drawn == ["serializing"]

    def test_it_is_made_again_from_its_figures(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place = Place("growth", "peek", 1000)
        ratio = Result("connect: add / zadd", "1 µs / 2 µs", 0.5, 1.1)
        faked(monkeypatch, "single", ratio)
        faked(monkeypatch, "keyed", Result("peek at 1,000", "", 4.5, unit=" µs", place=place))
        to = ("--to", str(tmp_path))
        assert program.main(["--quick", "--page", "--only", "single", "keyed", *to]) == 0
        names = ("index.md", "figures.json")
        before = [(tmp_path / name).read_bytes() for name in names]
        again = ("--from", str(tmp_path / "figures.json"))
        assert program.main(["--page", *again, *to]) == 0
        assert [(tmp_path / name).read_bytes() for name in names] == before
        assert Figures.load(tmp_path / "figures.json").named("single", ratio.name) == ratio
        assert b"| connect: add | zadd | 0.50 | 1 \xc2\xb5s / 2 \xc2\xb5s |" in before[0]

    def test_a_part_that_is_run_again_takes_the_place_of_its_figures(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, figure in (("single", 1.0), ("keyed", 2.0), ("single", 3.0)):
            faked(monkeypatch, name, Result(name, "", figure))
            program.main(["--quick", "--page", "--only", name, "--to", str(tmp_path)])
        figures = Figures.load(tmp_path / "figures.json")
        found = {name: part.results[0].figure for name, part in figures.parts.items()}
        assert found == {"keyed": 2.0, "single": 3.0}

    def test_the_prose_speaks_of_all_there_is(self) -> None:
        prose = page.PROSE.read_text(encoding="utf-8")
        for name in program.PARTS:
            assert f"{{{{table {name}}}}}" in prose
        for name in PLOTS:
            assert f"{{{{plot {name}}}}}" in prose

    def test_figures_stand_in_the_prose(self, tmp_path: Path) -> None:
        figures = Figures({"single": Part("here", [Result("add / zadd", "", 1.234)])})
        prose = "{{figure single: add / zadd}} times, {{figure keyed: add}} times"
        written = page.write(figures, tmp_path, prose)
        assert written.read_text(encoding="utf-8") == "1.23 times, … times"


def test_a_limit_that_is_missed_is_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = Result("add / zadd", "", 1.2, 1.1)
    faked(monkeypatch, "single", slow, Result("pop / zpopmin", "", 1.2))
    assert program.main(["--quick", "--only", "single"]) == 1
    assert "≤ 1.1  MISSED" in capsys.readouterr().out


def test_parts_that_need_packages_are_run_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def run(name: str, _: object) -> Part:
        ran.append(name)
        return Part("", [])

    monkeypatch.setattr(program, "_run", run)
    program.main(["--quick"])
    assert ran == [name for name in program.PARTS if name not in program.ON_REQUEST]


@pytest.mark.parametrize(
    ("figure", "shown"),
    [(0.0123, "0.01"), (1.2, "1.20"), (56.78, "56.8"), (987.6, "988"), (1234567.8, "1,234,568")],
)
def test_a_figure_has_the_digits_that_mean_something(figure: float, shown: str) -> None:
    assert Result("", "", figure).shown == shown


def test_what_prepares_a_run_takes_no_part_in_the_race() -> None:
    seconds = 0.0

    def spend(more: float) -> None:
        nonlocal seconds
        seconds += more

    costs = race(
        {"short": lambda: spend(1), "long": lambda: spend(3)},
        rounds=3,
        clock=lambda: seconds,
        prepare=lambda: spend(100),
    )
    assert costs == {"short": 1, "long": 3}


class TestCompare:
    def test_two_revisions_are_run_beside_each_other(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shutil.copytree(ROOT / "redset", tmp_path / "redset")
        who = ("-c", "user.name=me", "-c", "user.email=me@example.org")
        for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"], ["tag", "1.0"]):
            subprocess.run(["git", "-C", tmp_path, *who, *words], check=True)  # noqa: S607  (found by PATH)
        monkeypatch.setattr(compare, "HERE", tmp_path)
        monkeypatch.setattr(compare, "TOLERANCE", 1000)
        assert compare.main(["--rounds", "2", "--repeats", "1"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "this tree / 1.0"
        assert any(line.startswith("client: add ") for line in lines)
        trees = ["git", "-C", str(tmp_path), "worktree", "list"]
        listed = subprocess.run(trees, capture_output=True, check=True)
        assert len(listed.stdout.splitlines()) == 1

    def test_it_asks_for_a_revision_where_there_is_no_tag(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(compare, "HERE", tmp_path)
        with pytest.raises(SystemExit):
            compare.main([])
        assert "name a revision" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("ratios", "is_slower"),
        [
            ([1.2, 1.25, 1.3, 1.2], True),
            ([1.0, 1.3, 0.9, 2.0], False),  # noise
            ([1.05, 1.06, 1.05, 1.05], False),  # little
            ([0.5, 0.5, 0.5, 0.5], False),
        ],
    )
    def test_only_what_is_beyond_doubt_is_slower(
        self, ratios: list[float], is_slower: bool
    ) -> None:
        comparison = Comparison("client: add", ratios)
        assert comparison.is_slower is is_slower
        assert ("SLOWER" in str(comparison)) is is_slower

    def test_the_exit_code_tells_of_a_regression(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = [Comparison("client: pop", [1.0, 1.0]), Comparison("client: add", [1.5, 1.6])]
        monkeypatch.setattr(compare, "_tree", lambda _: nullcontext(tmp_path))
        monkeypatch.setattr(compare, "compare", lambda *_, **__: found)
        assert compare.main(["HEAD"]) == 1
