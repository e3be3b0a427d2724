"""``gateway init``: write a commented config."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gateway.cli.options import Command
from gateway.cli.session import Session
from gateway.errors import Refused

READY = ("desk",)
"""Plugins and backends that work without a setting, so that the config can be run as it is."""


@click.command(
    cls=Command,
    examples=(
        "gateway init",
        "gateway init /etc/gateway/gateway.toml",
        "gateway init -    # print it instead of writing a file",
    ),
)
@click.argument("path", required=False, metavar="[FILE]")
@click.option("--force", is_flag=True, help="Overwrite the file if there is one.")
@click.pass_obj
def command(session: Session, path: str | None, force: bool) -> None:
    """Write a commented config with every setting and its default.

    It names what each installed plugin can do; the built-in desk is switched on, everything else
    stands behind a #. Only its owner can read the file, since secrets may get into it.
    """
    text, left_out = _example()
    for name, fault in left_out:
        click.echo(f"Plugin {name!r} is left out: {fault}", err=True)
    if path == "-":
        session.print({"config": text}, text.rstrip("\n"))
        return
    target = Path(path) if path else session.path
    _write(target, text, force=force)
    session.print(
        {"path": str(target), "left_out": [name for name, _ in left_out]},
        f"Wrote {target}. Look through it, then:\n"
        f"  gateway check --config {target}\n  gateway run --config {target}",
    )


def _example() -> tuple[str, list[tuple[str, str]]]:
    """The text, and the plugins that could not be loaded with the reason."""
    from gateway.config.connectors import PluginSettings
    from gateway.config.example import Described, example
    from gateway.hooks.loading import load_plugins
    from gateway.hooks.sources import installed

    found = installed()
    loaded = load_plugins(
        {name: PluginSettings() for name in sorted(found)}, folder=Path(), available=found
    )
    usable = [plugin for plugin in loaded.plugins if not plugin.fault]
    text = example(
        plugins=[
            Described(
                name=plugin.name,
                settings=loaded.settings_types.get(plugin.name),
                active=plugin.name in READY,
            )
            for plugin in usable
        ],
        channels=[
            Described(name=kind.name, summary=kind.summary, settings=kind.settings)
            for kind in loaded.channel_types.values()
        ],
        backends=[
            Described(
                name=kind.name,
                summary=kind.summary,
                settings=kind.settings,
                active=kind.name in READY,
            )
            for kind in loaded.backend_types.values()
        ],
    )
    return text, [(plugin.name, plugin.fault) for plugin in loaded.refused]


def _write(target: Path, text: str, *, force: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        with os.fdopen(os.open(target, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Refused(f"{target} is there already; --force overwrites it") from None
    except OSError as error:
        raise Refused(f"{target} cannot be written: {error.strerror}") from None
