"""Commands and groups with the options that all of them have, and examples in their help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from gateway.cli.session import Session

WHOLE = 1000
"""Letters of a command's first sentence that stand in the help of its group: all of them."""


def _take(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Make a callback that notes an option's value in the session if it was given."""

    def take(context: click.Context, _: click.Parameter, value: Any) -> None:
        session = context.find_object(Session)
        if session is not None and value:
            setattr(session, name, value)

    return take


def common_options() -> list[click.Parameter]:
    """The options of every command; they may stand before or after its name."""
    return [
        click.Option(
            ["-c", "--config"],
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            expose_value=False,
            is_eager=True,
            callback=_take("config"),
            help="The config file; else $GATEWAY_CONFIG, else ./gateway.toml.",
        ),
        click.Option(
            ["--json"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_take("as_json"),
            help="Print JSON, errors included.",
        ),
        click.Option(
            ["--tenant"],
            metavar="NAME",
            expose_value=False,
            is_eager=True,
            callback=_take("tenant"),
            help="See and touch only what belongs to this tenant; else all tenants.",
        ),
    ]


class _WithExamples:
    """Writes examples below the options of a command's help."""

    examples: Sequence[str] = ()

    def format_epilog(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")


class Command(_WithExamples, click.Command):
    """A command with the common options.

    Args:
        examples: command lines to show in its help.
    """

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += common_options()
        self.examples = examples


class Group(_WithExamples, click.Group):
    """A group with the common options, as have its commands.

    Args:
        examples: command lines to show in its help.
    """

    command_class = Command

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += common_options()
        self.examples = examples

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, each with its whole first sentence."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, one.get_short_help_str(WHOLE)) for name, one in found if one is not None]
            )
