"""The command ``gateway``: finds its commands, runs one, and turns errors into exit codes."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import click

from gateway.cli.exits import DONE, FAILED
from gateway.cli.failing import fail
from gateway.cli.options import WHOLE, Group
from gateway.cli.plugin_commands import plugin_commands
from gateway.cli.session import Session
from gateway.errors import GatewayError

SECTIONS: dict[str, dict[str, str]] = {
    "Set up": {"init": "init", "check": "check", "schema": "schema", "plugins": "plugins"},
    "Run": {"demo": "demo", "run": "run", "health": "health"},
    "Work": {
        "conversations": "conversations",
        "show": "show",
        "why": "why",
        "reply": "reply",
        "note": "note",
        "code": "code",
        "merge": "merge",
        "unmerge": "unmerge",
    },
    "Mend": {
        "quarantine": "quarantine",
        "dead-letters": "dead_letters",
        "deliveries": "deliveries",
        "replay": "replay",
    },
    "Look after": {
        "db": "db",
        "retention": "retention",
        "erase": "erase",
        "completion": "completion",
    },
}
"""Commands in the order of the help, each with the module that holds it as ``command``."""

_MODULES = {name: module for section in SECTIONS.values() for name, module in section.items()}


class Root(Group):
    """The group of all commands; a command's module is imported when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the gateway's own commands, then those of plugins."""
        return [name for name in _MODULES if _is_there(name)] + sorted(self._of_plugins(ctx))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command; plugins are loaded only for one that is not the gateway's own."""
        if _is_there(cmd_name):
            module = importlib.import_module(f"gateway.cli.{_MODULES[cmd_name]}")
            found: click.Command = module.command
            return found
        return self._of_plugins(ctx).get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was called, or say what was perhaps meant.

        Raises:
            ConfigError: it may be a plugin's, but the config cannot be used.
            click.UsageError: nothing is called so.
        """
        name = args[0]
        if name.startswith("-") or self.get_command(ctx, name) is not None:
            return super().resolve_command(ctx, args)
        near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
        if near:
            raise click.UsageError(f"No command is called {name!r}. Is {near[0]!r} meant?", ctx)
        session = ctx.ensure_object(Session)
        if not session.path.exists() and session.config is None:
            raise click.UsageError(
                f"No command is called {name!r}. If a plugin brings it, say which config with "
                "--config.",
                ctx,
            )
        _ = session.assembly  # says what keeps the plugins' commands away
        raise click.UsageError(
            f"No command is called {name!r}, and no enabled plugin brings it.", ctx
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in sections."""
        sections = {title: list(names) for title, names in SECTIONS.items()}
        sections["Plugins"] = sorted(self._of_plugins(ctx))
        for title, names in sections.items():
            found = [(name, self.get_command(ctx, name)) for name in names]
            rows = [
                (name, command.get_short_help_str(WHOLE))
                for name, command in found
                if command is not None and not command.hidden
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def _of_plugins(self, ctx: click.Context) -> dict[str, click.Command]:
        """Commands that enabled plugins bring; none while the config cannot be used."""
        session = ctx.ensure_object(Session)
        if session.config is None and not session.path.exists():
            return {}
        try:
            return plugin_commands(session, taken=_MODULES)
        except GatewayError:
            return {}


def _is_there(name: str) -> bool:
    module = _MODULES.get(name)
    return module is not None and importlib.util.find_spec(f"gateway.cli.{module}") is not None


@click.group(
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples=(
        "gateway init && gateway check && gateway run",
        "gateway conversations --state open",
        "gateway why msg_0b52k9qa4g001",
    ),
)
@click.version_option(package_name="intake-gateway", prog_name="gateway")
def cli() -> None:
    """Every customer message reaches the ticket system once, and every answer the customer.

    The commands work on the store that the config names, whether a gateway runs on it or not; one
    that runs notices within two seconds.
    """


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):
            # A lone surrogate in a mail must not keep the rest from being shown.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    session = Session()
    try:
        ended = cli.main(
            args=list(arguments), prog_name="gateway", obj=session, standalone_mode=False
        )
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (Exception, KeyboardInterrupt) as error:
        return fail(error, as_json=session.as_json or _asked_for_json(arguments))
    return ended if isinstance(ended, int) else DONE


def _asked_for_json(arguments: Sequence[str]) -> bool:
    """Whether JSON was asked for on a command line that could not be read whole."""
    before = list(arguments)[: list(arguments).index("--")] if "--" in arguments else arguments
    return "--json" in before
