"""``gateway demo``: a tour through a gateway on its embedded defaults."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from gateway.cli.options import Command
from gateway.cli.session import Session
from gateway.core.logs import set_up_logs

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.cli.touring.sink import MailSink
    from gateway.cli.touring.tour import Step

CONFIG = """\
[gateway]
name = "demo"
[web]
listen = "127.0.0.1:{port}"
[api.tokens.demo]
token = "demo-token-for-this-machine-only"
scopes = ["admin"]
[plugins.email]
[plugins.desk]
[backends.desk]
type = "desk"
[channels.support]
type = "email"
address = "support@example.com"
name = "Support"
trusted_authserv_ids = ["mx.example.com"]
[channels.support.lmtp]
port = 0
[channels.support.smtp]
host = "127.0.0.1"
port = {sink}
tls = "none"
[redaction]
card_numbers = ["forward", "console", "log"]
"""
WIDTH = 110


@click.command(cls=Command, examples=("gateway demo", "gateway demo --once"))
@click.option("--once", is_flag=True, help="End after the tour; status 0 if every step held.")
@click.option("--port", default=0, help="Port of the API and the pages; 0 takes a free one.")
@click.pass_obj
def command(session: Session, once: bool, port: int) -> None:
    """Send real mails through real sockets and show what becomes of each, and why.

    Runs in a temporary folder; then it goes on running, with an API and a page to look at, until
    Ctrl-C.
    """
    set_up_logs("error")
    with tempfile.TemporaryDirectory(prefix="gateway-demo-") as folder:
        held = asyncio.run(_demo(session, Path(folder), once, port))
    raise SystemExit(0 if held else 1)


async def _demo(session: Session, folder: Path, once: bool, port: int) -> bool:
    from gateway.app import opened
    from gateway.cli.touring.sink import MailSink
    from gateway.core.assembly import read_assembly

    console = Console(width=WIDTH, stderr=session.as_json)
    sink = MailSink()
    await sink.start()
    (folder / "gateway.toml").write_text(CONFIG.format(port=port, sink=sink.port))
    assembly = read_assembly(folder / "gateway.toml")
    try:
        async with opened(assembly, folder) as gateway, gateway.running():
            steps = await _tour(gateway, sink, console)
            held = all(step.held for step in steps)
            if session.as_json:
                told = [{"step": s.title, "held": s.held, "lines": s.lines} for s in steps]
                session.print({"held": held, "steps": told}, "")
            console.print(f"[bold]{sum(s.held for s in steps)} of {len(steps)} steps held.[/]")
            if not once:
                await _stay(gateway, console)
    finally:
        await sink.stop()
    return held


async def _tour(gateway: Gateway, sink: MailSink, console: Console) -> list[Step]:
    from gateway.cli.touring.tour import Step, Tour

    lmtp = await _listening(gateway)
    tour = Tour(gateway, sink, lmtp)
    console.print(f"Mail comes in by LMTP on 127.0.0.1:{lmtp}, and goes out to a sink.\n")
    steps: list[Step] = []
    for number, take in enumerate(tour.steps, 1):
        try:
            step = await take()
        except Exception as error:
            step = Step(
                (take.__doc__ or "").rstrip("."), False, [f"{type(error).__name__}: {error}"]
            )
        steps.append(step)
        style = "green" if step.held else "red"
        mark = "held" if step.held else "DID NOT HOLD"
        body = Text("\n".join((take.__doc__ or "", *step.lines)), overflow="fold")
        title = f"[{style}]{number}. {step.title}: {mark}[/]"
        console.print(Panel(body, title=title, title_align="left", border_style=style))
    return steps


async def _listening(gateway: Gateway) -> int:
    """The port of the mail listener, once it listens."""
    channel = gateway.parts.channels["support"]
    while True:
        port = getattr(channel, "listening_on", 0)
        if port:
            return int(port)
        await asyncio.sleep(0.01)


async def _stay(gateway: Gateway, console: Console) -> None:
    base = f"http://127.0.0.1:{gateway.port}"
    console.print(
        f"\nThe gateway runs on: page [bold]{base}/[/], API [bold]{base}/api/v1/[/] "
        "(token demo-token-for-this-machine-only), health "
        f"[bold]{base}/readyz[/], metrics [bold]{base}/metrics[/].\nCtrl-C ends it."
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
