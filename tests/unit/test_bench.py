"""What the benchmarks print, keep and compare; what they measure is not a test's matter."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.__main__ import QUESTIONS, main
from bench.figures import Figure, Options, Result, Series, median, text_of

RATIO = Figure(name="over the bare handler", value=0.5, goal=0.6, low=0.4, high=0.7)
RESULT = Result(
    benchmark="intake", machine={"load": "0.1"}, figures=[RATIO],
    series=[Series(name="s", x="x", y="y", points=[(1.0, 2.0), (2.0, 3.0)])],
)  # fmt: skip


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_question_has_its_command(name: str) -> None:
    """Whatever the help names can be run, and the documentation names it."""
    assert iscoroutinefunction(import_module(f"bench.{name}").run)
    assert f"python -m bench {name}" in Path("docs/proof.md").read_text()


@pytest.mark.parametrize(
    ("value", "goal", "at_most", "met"),
    [(2, 2, False, True), (1, 2, False, False), (2, 2, True, True), (3, 2, True, False), (1, None, False, None)],
)  # fmt: skip
def test_whether_a_goal_is_met(
    value: float, goal: float | None, at_most: bool, met: bool | None
) -> None:
    """A goal is a bound from below, or from above where less is better."""
    assert met is Figure(name="f", value=value, goal=goal, at_most=at_most).met


def test_a_figure_in_words() -> None:
    """Value, spread, goal and whether it is met stand in one line."""
    assert "0.5 x (0.4 to 0.7), goal at least 0.6: not met" == RATIO.written()


def test_the_median_of_rounds() -> None:
    """A figure is the median of the rounds, with the lowest and the highest."""
    assert Figure(name="f", value=3, low=1, high=9) == median("f", [9, 1, 3])
    assert Figure(name="f", value=3, unit="ms") == median("f", [3], unit="ms")


def test_how_much_a_scale_is() -> None:
    """A scale makes a run shorter, but never empty."""
    assert (50, 1) == (Options(scale=0.5).amount(100), Options(scale=0.001).amount(100))


def test_a_comparison_with_an_earlier_run() -> None:
    """Beside each figure stands what share of the earlier one it is."""
    earlier = msgspec.structs.replace(RESULT, figures=[msgspec.structs.replace(RATIO, value=0.25)])
    assert "2.00 of the earlier 0.25 x" in text_of(RESULT, earlier)
    assert "earlier" not in text_of(RESULT)


def test_a_run_is_kept_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was kept is read again, and a result of another question is refused."""
    kept = tmp_path / "parse.json"
    _run(monkeypatch, "parse", "--rounds", "1", "--scale", "0.01", "--json", "--save", str(kept))
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert printed == json.loads(kept.read_text())
    assert {"parse", 6} == {printed["benchmark"], len(printed["figures"])}
    _run(monkeypatch, "parse", "--rounds", "1", "--scale", "0.01", "--against", str(kept))
    assert "of the earlier" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        _run(monkeypatch, "lag", "--against", str(kept))
    assert "holds a result of parse, not lag" in capsys.readouterr().err


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    assert 0 == main()


def test_a_plot(tmp_path: Path) -> None:
    """A result becomes a picture, with and without goals, spreads and series."""
    pytest.importorskip("matplotlib", reason="pip install --group bench")
    from bench.plotting import plot

    plot(RESULT, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
