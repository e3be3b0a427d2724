"""Commands that plugins bring."""

from __future__ import annotations

from collections.abc import Container

import click

from gateway.cli.session import Session


def plugin_commands(session: Session, *, taken: Container[str]) -> dict[str, click.Command]:
    """Ask the enabled plugins for their commands, the first plugin's of each name.

    Args:
        taken: names of the gateway's own commands, which no plugin can replace.

    Raises:
        ConfigError: the config cannot be used.
        PluginRefused: a required plugin cannot be loaded.
    """
    from gateway.errors import HookFailure
    from gateway.hooks.registering import registered

    def failed(failure: HookFailure) -> None:
        click.echo(f"Warning: {failure}", err=True)

    found: dict[str, click.Command] = {}
    for one in registered(session.assembly.plugins.implementations["register_commands"], failed):
        name = one.value.name
        if name in taken or name in found:
            click.echo(
                f"Warning: plugin {one.plugin!r} brings a command {name!r}, which is taken",
                err=True,
            )
        else:
            found[name] = one.value
    return found
