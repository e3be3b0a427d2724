from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

import gateway.errors
from gateway.cli.exits import EXITS, Sick
from gateway.cli.root import SECTIONS, cli, run
from gateway.cli.session import Session
from gateway.errors import GatewayError

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"


def test_every_error_has_a_code_that_is_known() -> None:
    """No error of the tree ends a command with a code that is not documented."""
    tree: list[type[GatewayError]] = [
        kind
        for kind in vars(gateway.errors).values()
        if isinstance(kind, type) and issubclass(kind, GatewayError)
    ]
    assert 10 < len(tree)
    assert set() == {kind.exit_code for kind in tree} - set(EXITS)
    assert Sick.exit_code in EXITS


def test_the_page_lists_every_exit_code() -> None:
    """docs/cli.md has the same codes with the same words."""
    rows = re.findall(r"^\| (\d+) \| (.+?) \|$", PAGE.read_text(), re.MULTILINE)
    assert {str(code): words for code, words in EXITS.items()} == dict(rows)


def test_the_page_has_a_heading_for_every_command() -> None:
    """Each command, and each command of a group, stands in docs/cli.md."""
    text = PAGE.read_text()
    context = click.Context(cli, obj=Session())
    there = [name for section in SECTIONS.values() for name in section]
    missing = []
    for name in there:
        command = cli.get_command(context, name)
        assert command is not None, name
        if f"## gateway {name}\n" not in text:
            missing.append(name)
        inner = command.commands if isinstance(command, click.Group) else ()
        missing += [f"{name} {one}" for one in inner if f"`gateway {name} {one}" not in text]
    assert [] == missing


def test_every_command_has_help_with_examples() -> None:
    """Nobody has to guess how a command is called."""
    context = click.Context(cli, obj=Session())
    for name in (name for section in SECTIONS.values() for name in section):
        command = cli.get_command(context, name)
        assert command is not None
        assert command.help, name
        assert getattr(command, "examples", ()), name


@pytest.mark.parametrize("group", ["db", "deliveries", "quarantine", "retention"])
def test_a_group_without_a_command_tells_its_help_once(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it can do is told, and that a command is missing is a mistake of the command line."""
    assert 2 == run([group])
    told = capsys.readouterr()
    assert ("", 1, 0) == (told.out, told.err.count("Usage:"), told.err.count("Error:"))
    assert 2 == run(["--json", group])
    error = json.loads(capsys.readouterr().err)["error"]
    assert f"gateway {group} needs a command, see --help" == error["message"]


def test_a_fault_of_the_gateway_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What nobody expected is told as such, with its traceback, and has its own code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Session, "path", property(lambda _: 1 / 0))
    assert 70 == run(["init", "--json"])
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert '"code":"fault"' in told
