"""What the documentation says is so: its links, its commands, its configs, its first plugin."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from gateway.cli.root import cli
from gateway.cli.session import Session
from gateway.store.operations import Cursor
from tests.unit.cli.town import Town
from tests.unit.hooks_live.stage import staged

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "channels/*/*.md", "plugins/*/*.md", "examples/**/*.md")
    for page in ROOT.glob(pattern)
)
OF_PLUGINS = ("desk",)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`(gateway [a-z][^`]*)`")
_LINK = re.compile(r"\]\(([^)#\s]+)")


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of code of a page in a language."""
    return [text for kind, text in _BLOCK.findall(page.read_text()) if kind == language]


def commands(page: Path) -> list[str]:
    """Command lines of the gateway that a page shows, without comments."""
    text = page.read_text()
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    lines += [" ".join(found.split()) for found in _SPAN.findall(text)]
    return [line.split("#")[0] for line in lines if line.startswith("gateway ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a file of the repository finds it."""
    links = [link for link in _LINK.findall(page.read_text()) if "://" not in link]
    assert [] == [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    """Every command line that is shown names commands and options that there are."""
    wrong = []
    for line in commands(page):
        command: click.Command | None = cli
        words = [word for word in shlex.split(line)[1:] if word.isascii()]
        while words and isinstance(command, click.Group) and words[0].isalpha():
            command = command.get_command(click.Context(command, obj=Session()), words.pop(0))
        if command is None:
            wrong += [] if line.split()[1] in OF_PLUGINS else [line]
            continue
        known = {option for one in command.params for option in one.opts} | {"--help", "-h"}
        wrong += [f"{line}: {word}" for word in words if word[:2] == "--" and word not in known]
    assert [] == wrong


def test_the_readme_shows_a_config_that_can_be_used(tmp_path: Path) -> None:
    """The small configuration has no fault once its secret is there, and names it before."""
    [config] = blocks(ROOT / "README.md", "toml")
    here = Town(tmp_path, {})
    here.configure(config)
    told = here.call("check")
    assert 3 == told.code
    assert "1 fault(s)" in told.err
    assert "backends.tickets.token: expected the environment variable RT_TOKEN" in told.err
    told = here.call("check", RT_TOKEN="1-2-3")
    assert 0 == told.code, told.err
    assert "Channels  support (email)" in told.out


async def test_the_shortest_plugin_holds_a_message(tmp_path: Path) -> None:
    """What the guide for plugins shows first does what it says there."""
    source = blocks(ROOT / "docs" / "plugins.md", "python")[0]
    async with staged(tmp_path, source) as stage:
        await stage.say("Hello. My password is 1234.")
        await stage.say("Hello.", by="bob")
        [forward] = await stage.forwarded()
        assert "Hello." == forward.text
        [held] = await stage.running.until(lambda: stage.running.store.quarantine(None, Cursor()))
        assert ("held", "it holds a password") == (held.reason.code, held.reason.error)
