"""The documentation names every operation, problem and metric, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.core.metrics import Metrics
from gateway.web.api.operation import PREFIX
from gateway.web.api.table import OPERATIONS
from gateway.web.problems import KINDS

DOCS = Path(__file__).parents[3] / "docs"


def _rows(page: str, first: str) -> list[tuple[str, ...]]:
    """Rows of a page's tables whose first cell is in backquotes and matches a pattern."""
    rows = []
    for line in (DOCS / page).read_text("utf-8").splitlines():
        cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
        if line.startswith("| `") and re.fullmatch(first, cells[0]):
            rows.append(cells)
    return rows


def test_every_operation_is_documented() -> None:
    """docs/api.md lists the operations of the table with scope, status and summary."""
    assert _rows("api.md", r"`[A-Z]+ /api/v1.*`") == [
        (
            f"`{one.method} {PREFIX}{one.path}`", one.scope or "none", str(one.status), one.summary,
        )
        for one in OPERATIONS
    ]  # fmt: skip


def test_every_problem_is_documented() -> None:
    """docs/api.md lists every problem with its status and title."""
    documented = _rows("api.md", r"`[a-z_]+`")
    problems = [row[:3] for row in documented if len(row) == 4]
    assert problems == [(f"`{code}`", str(kind.status), kind.title) for code, kind in KINDS.items()]


def test_every_scope_is_documented() -> None:
    """docs/api.md explains every scope that an operation needs."""
    explained = {row[0].strip("`") for row in _rows("api.md", r"`[a-z_]+`") if len(row) == 2}
    assert explained >= {one.scope for one in OPERATIONS if one.scope} | {"admin"}


def test_every_metric_is_documented() -> None:
    """docs/metrics.md lists every metric with its type and labels."""
    suffix = {"counter": "_total"}
    registered = {
        (
            f"`{one._name}{suffix.get(one._type, '')}`",
            one._type,
            ", ".join(f"`{label}`" for label in one._labelnames),
        )
        for name, one in vars(Metrics()).items()
        if name != "registry"
    }
    assert {row[:3] for row in _rows("metrics.md", r"`gateway_\w+`")} == registered
