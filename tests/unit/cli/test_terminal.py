from __future__ import annotations

import io
import re
import sys

import pytest

from gateway.cli.terminal import table

HEADS = ("Conversation", "State", "Updated", "Subject")
ROWS = [("conv_0b52k9qa4g000", "open", "2026-11-22 07:15:00Z", "Where is my parcel, please?")]
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    """A standard output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [30, 50, 60, 72, 100])
def test_ids_are_never_cut_off(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """On a terminal of any width the id and every word of a row can be read."""
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", str(width))
    shown = _COLOUR.sub("", table(HEADS, ROWS))
    assert "conv_0b52k9qa4g000" in shown
    assert "2026-11-22 07:15:00Z" in shown
    assert {"Where", "is", "my", "parcel,", "please?"} <= set(shown.split())


def test_a_wide_terminal_gets_one_line_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads stand once above the rows where there is room."""
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "120")
    assert 2 == len(table(HEADS, ROWS).splitlines())


def test_a_narrow_terminal_gets_a_block_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row is its id with the rest named below it."""
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "40")
    assert [
        "conv_0b52k9qa4g000",
        "  State         open",
        "  Updated       2026-11-22 07:15:00Z",
        "  Subject       Where is my parcel, please?",
    ] == table(HEADS, ROWS).splitlines()
