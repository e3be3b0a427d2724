"""``gateway check``: is the config in order, and does everything it names answer?"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.exits import Sick
from gateway.cli.options import Command
from gateway.cli.probing import probe_all
from gateway.cli.progress import progress
from gateway.cli.session import Session
from gateway.cli.terminal import plain, table
from gateway.domain.health import Health
from gateway.errors import PluginRefused, StoreError

if TYPE_CHECKING:
    from gateway.core.assembly import Parts
    from gateway.hooks.assembly import Assembly


@click.command(
    cls=Command,
    examples=("gateway check", "gateway check --probe", "gateway -c other.toml check --json"),
)
@click.option("--probe", is_flag=True, help="Connect to every channel and backend as well.")
@click.pass_obj
def command(session: Session, probe: bool) -> None:
    """Check the config, and with --probe every connection.

    Every fault is told at once. Channels and backends are probed also if the store cannot be used. A
    probe connects and logs in as the real work would, and changes nothing.
    """
    assembly = session.assembly
    refused = {plugin.name: plugin.fault for plugin in assembly.plugins.refused}
    found, unusable = _probed(session) if probe else ({}, None)
    document = {
        "config": assembly.source,
        "plugins": [plugin.name for plugin in assembly.plugins.plugins if plugin.enabled],
        "channels": {name: one.kind.name for name, one in assembly.channels.items()},
        "backends": {name: one.kind.name for name, one in assembly.backends.items()},
        "refused": refused,
        "unavailable": assembly.unavailable,
        "doubts": assembly.doubts,
        "probes": {part: _health(health) for part, health in found.items()},
    }
    session.print(document, _words(assembly, refused, found))
    if refused:
        name, fault = next(iter(refused.items()))
        raise PluginRefused(name, fault)
    if unusable is not None:
        raise unusable
    sick = [part for part, health in found.items() if not health.well]
    if sick:
        raise Sick(f"{len(sick)} of {len(found)} need an operator: {', '.join(sick)}")


def _probed(session: Session) -> tuple[dict[str, Health], StoreError | None]:
    """Probe everything, what is not the store also if the store cannot be used, and why it cannot."""

    async def work(parts: Parts) -> dict[str, Health]:
        with progress("Probing") as advance:
            return await probe_all(parts, advance)

    try:
        return session.with_parts(work, create=True), None
    except StoreError as error:
        from gateway.cli.storeless import Storeless

        with tempfile.TemporaryDirectory(prefix="gateway-check-") as place:
            machine = partial(Storeless, folder=Path(place), fault=error)
            found = session.with_parts(work, machine=machine)
        down = Health(state="down", code=error.code, reason=str(error))
        return {"store": down, **found}, error


def _health(health: Health) -> dict[str, Any]:
    return {"state": health.state, "code": health.code, "reason": health.reason}


def _words(assembly: Assembly, refused: dict[str, str], found: dict[str, Health]) -> str:
    plugins = [
        f"{plugin.name} {plugin.version}".strip()
        for plugin in assembly.plugins.plugins
        if plugin.enabled and not plugin.fault
    ]
    channels = [f"{name} ({one.kind.name})" for name, one in assembly.channels.items()]
    backends = [f"{name} ({one.kind.name})" for name, one in assembly.backends.items()]
    lines = [
        f"{assembly.source} {'cannot be used whole' if refused else 'is in order'}.",
        f"  Plugins   {', '.join(plugins) or 'none'}",
        f"  Channels  {', '.join(channels) or 'none'}",
        f"  Backends  {', '.join(backends) or 'none'}",
    ]
    lines += [f"  Refused: plugin {name}: {plain(fault)}" for name, fault in refused.items()]
    lines += [f"  Missing: {part}: {plain(why)}" for part, why in assembly.unavailable.items()]
    lines += [f"  Doubt: {setting}: {plain(doubt)}" for setting, doubt in assembly.doubts.items()]
    if found:
        rows = [(part, health.state, health.code, health.reason) for part, health in found.items()]
        lines += ["", table(("Part", "State", "Code", "Reason"), rows)]
    return "\n".join(lines)
