"""What holds for the whole house; import-linter holds the floors apart besides."""

from __future__ import annotations

import ast
import inspect
import re
import runpy
import statistics
import subprocess
import sys
import types
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest

import gateway
import gateway.errors
from gateway.domain.event import EventKind
from gateway.errors import ConnectorError, GatewayError
from gateway.hooks.implementations import KINDS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
HOUSES = ("gateway", "channels", "plugins")
MOST_LINES, MEDIAN_LINES = 400, 120
SQL = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM)\b", re.IGNORECASE
)


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the product, parsed, by its path."""
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text())
        for house in HOUSES
        for path in (ROOT / house).rglob("*.py")
    }


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a module with what is called, as it is written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def rows(page: str) -> dict[str, str]:
    """The rows of a page's tables by each code that their first cell names."""
    found = {}
    for line in (DOCS / page).read_text().splitlines():
        if line.startswith("| `"):
            for name in re.findall(r"`([^`]+)`", line.split(" | ")[0]):
                found[name] = line
    return found


def test_modules_are_small() -> None:
    """Nobody has to read more than 400 lines at once, and mostly far less."""
    sizes = {path: len((ROOT / path).read_text().splitlines()) for path in modules()}
    assert {} == {path: size for path, size in sizes.items() if size > MOST_LINES}
    assert MEDIAN_LINES >= statistics.median(sizes.values())


def test_the_door_is_sorted_and_complete() -> None:
    """`gateway.__all__` names exactly what can be imported from there, in order."""
    there = {
        name
        for name, value in vars(gateway).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    } - {"annotations"}
    assert sorted(there) == gateway.__all__


def test_the_core_takes_the_time_from_its_clock() -> None:
    """Nothing in the core asks the machine for the time of day but the clock itself."""
    asking = [
        (path, name)
        for path, tree in modules().items()
        if path.startswith(("gateway/core/", "gateway/domain/", "gateway/hooks/", "gateway/store/"))
        and path != "gateway/core/clock.py"
        for name, _ in calls(tree)
        if re.search(r"\btime\.time(_ns)?$|\bdatetime\.(now|utcnow|today)$|\bdate\.today$", name)
    ]
    assert [] == asking


def test_outgoing_http_passes_the_guard() -> None:
    """Client sessions are opened by the egress guard; only tokens are fetched without it."""
    allowed = {
        "gateway/core/egress.py",
        "gateway/testing/loopback.py",
        "channels/email/gateway_email/imap/oauth.py",
    }
    opening = {
        path
        for path, tree in modules().items()
        for name, _ in calls(tree)
        if name.rpartition(".")[2] == "ClientSession"
    }
    assert set() == opening - allowed


def test_queries_stand_in_the_store_only() -> None:
    """No text of a query is put together outside of gateway/store."""
    found = [
        (path, node.lineno)
        for path, tree in modules().items()
        if not path.startswith("gateway/store/")
        for node in ast.walk(tree)
        if isinstance(node, (ast.JoinedStr, ast.Constant))
        and SQL.search(_text(node))
        and not _is_documentation(tree, node)
    ]
    assert [] == found


def _text(node: ast.JoinedStr | ast.Constant) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(
        part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "x"
        for part in node.values
    )


def _is_documentation(tree: ast.Module, wanted: ast.AST) -> bool:
    return any(isinstance(node, ast.Expr) and node.value is wanted for node in ast.walk(tree))


@pytest.mark.parametrize("hook", KINDS)
def test_each_hook_is_documented(hook: str) -> None:
    """docs/hooks.md has its signature, kind, every argument, and an example that implements it."""
    kind = KINDS[hook]
    heading = f"## {hook}({', '.join(kind.arguments)})\n"
    _, found, rest = (DOCS / "hooks.md").read_text().partition(heading)
    assert found, f"docs/hooks.md has no heading {heading.strip()!r}"
    section = rest.split("\n## ")[0]
    subject = f" of `{kind.subject}`" if kind.subject else ""
    openness = "" if kind.how in ("REGISTER", "NOTIFY") else ", CLOSED" if kind.closed else ", open"
    assert section.lstrip().startswith(f"{kind.how}{subject}{openness}. ")
    assert [] == [name for name in kind.arguments if f"\n- `{name}`: " not in section]
    [example] = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    implemented = {
        node.name
        for node in ast.parse(example).body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.decorator_list
    }
    assert hook in implemented


def test_the_page_of_hooks_has_no_other() -> None:
    """No heading is left of a hook that is gone."""
    headings = re.findall(r"^## (\w+)\(", (DOCS / "hooks.md").read_text(), re.MULTILINE)
    assert list(KINDS) == headings


def test_each_hook_is_proven() -> None:
    """Each hook has a test in which a plugin changes what a running gateway does."""
    tests = {
        node.name
        for path in (ROOT / "tests/unit/hooks_live").glob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.AsyncFunctionDef)
    }
    assert set() == {f"test_hook_{hook}" for hook in KINDS} - tests


def test_the_page_of_settings_is_up_to_date() -> None:
    """docs/configuration.md is what the settings say of themselves; else run scripts/write-docs."""
    page = runpy.run_path(str(ROOT / "scripts" / "write-docs"))["configuration"]()
    assert page.splitlines() == (DOCS / "configuration.md").read_text().splitlines()


def test_the_page_of_types_is_up_to_date() -> None:
    """docs/types.md is what the public types say of themselves; else run scripts/write-docs."""
    page = runpy.run_path(str(ROOT / "scripts" / "write-docs"))["types"]()
    assert page.splitlines() == (DOCS / "types.md").read_text().splitlines()
    assert gateway.__all__ == [line[3:] for line in page.splitlines() if line.startswith("## ")]


def test_each_error_is_documented() -> None:
    """docs/errors.md has every kind with its code, exit code, and whether it is tried again."""
    documented = rows("errors.md")
    for kind in vars(gateway.errors).values():
        if isinstance(kind, type) and issubclass(kind, GatewayError):
            words = (inspect.getdoc(kind) or "").splitlines()[0]
            again = who = ""
            if issubclass(kind, ConnectorError):
                again, who = "yes" if kind.retryable else "no", kind.blame
            cells = (f"`{kind.__name__}`", f"`{kind.code}`", str(kind.exit_code), again, who, words)
            assert f"| {' | '.join(cells)} |" == documented.get(kind.__name__)


def test_each_reason_code_is_documented() -> None:
    """Every code that an error, a health or a quarantine can carry stands in docs/errors.md."""
    kinds = {name for name, _ in inspect.getmembers(gateway.errors, inspect.isclass)}
    kinds |= {"Health", "Quarantined"}
    used: dict[str, str] = {}
    for path, tree in modules().items():
        if path.startswith("gateway/testing/"):
            continue
        for name, call in calls(tree):
            if name.rpartition(".")[2] in kinds:
                used |= dict.fromkeys(_codes(call), path)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name.endswith(("Error", "Refused")):
                used |= dict.fromkeys(_own_code(node), path)
    assert len(used) > 20
    documented = rows("errors.md")
    own = {kind.code for kind in vars(gateway.errors).values() if _is_error(kind)}
    assert {} == {
        code: path for code, path in used.items() if code not in documented and code not in own
    }


def _is_error(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, GatewayError)


def _codes(call: ast.Call) -> list[str]:
    return [
        keyword.value.value
        for keyword in call.keywords
        if keyword.arg == "code"
        and isinstance(keyword.value, ast.Constant)
        and isinstance(keyword.value.value, str)
    ]


def _own_code(kind: ast.ClassDef) -> list[str]:
    return [
        node.value.value
        for node in kind.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        and "code" in ast.unparse(node).split("=")[0].split(":")[0]
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]


def test_each_event_is_documented() -> None:
    """docs/events.md lists every kind of event and no other."""
    documented = {name for name in rows("events.md") if "." in name}
    assert set(get_args(EventKind)) == documented


def test_the_wheel_holds_the_gateway_only(tmp_path: Path) -> None:
    """Nothing at the top level but `gateway` and `gateway_*`, so that nothing is shadowed."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    packages = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    expected = {"gateway", *(path.name for path in ROOT.glob("*/*/gateway_*") if path.is_dir())}
    assert expected == packages
    for needed in ("gateway/py.typed", "gateway/web/templates/base.html",
                   "gateway/store/migrations/versions/0001_initial.py"):  # fmt: skip
        assert needed in names
    assert [] == [name for name in names if "__pycache__" in name or "/tests/" in name]
