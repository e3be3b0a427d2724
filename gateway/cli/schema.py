"""``gateway schema``: the JSON Schema of the config."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from gateway.cli.options import Command
from gateway.cli.session import Session


@click.command(
    cls=Command,
    examples=("gateway schema > gateway.schema.json", "gateway schema --all"),
)
@click.option("--all", "every", is_flag=True, help="With the settings of all installed plugins.")
@click.pass_obj
def command(session: Session, every: bool) -> None:
    """Print the JSON Schema of the config, for editors.

    It holds the settings of the plugins that the config enables; without a config file, those of
    all installed plugins.
    """
    from gateway.config.connectors import PluginSettings
    from gateway.config.json_schema import json_schema
    from gateway.hooks.loading import load_plugins
    from gateway.hooks.sources import installed

    if every or not (session.config or session.path.exists()):
        plugins, folder = {name: PluginSettings() for name in installed()}, Path()
    else:
        plugins, folder = session.reading.settings.plugins, session.reading.folder
    loaded = load_plugins(plugins, folder=folder)
    for plugin in loaded.refused:
        click.echo(f"Plugin {plugin.name!r} is left out: {plugin.fault}", err=True)
    schema = json_schema(
        plugins=loaded.settings_types,
        channels={name: kind.settings for name, kind in loaded.channel_types.items()},
        backends={name: kind.settings for name, kind in loaded.backend_types.items()},
    )
    click.echo(msgspec.json.format(msgspec.json.encode(schema), indent=2).decode())
