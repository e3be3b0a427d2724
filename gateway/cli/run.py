"""``gateway run``: run the gateway until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

import click

from gateway.cli.options import Command
from gateway.cli.session import Session
from gateway.core.logs import set_up_logs

if TYPE_CHECKING:
    from gateway.app import Gateway


GARBAGE = 20_000  # new objects until they are looked through


@click.command(
    cls=Command,
    examples=("gateway run", "gateway --config /etc/gateway/gateway.toml run"),
)
@click.pass_obj
def command(session: Session) -> None:
    """Run the gateway until SIGTERM or Ctrl-C.

    Then it takes in nothing more and finishes what is under way within ten seconds.
    """
    from gateway.app import run

    assembly = session.assembly
    settings = assembly.settings
    set_up_logs(
        settings.gateway.log_level, settings.gateway.log_format,
        redact_cards_too="log" in settings.redaction.card_numbers,
    )  # fmt: skip

    def started(gateway: Gateway) -> None:
        # What is there now stays: looking through it for garbage again and again costs a tenth.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE)
        gateway.parts.log.info(
            "gateway.ready",
            address=f"http://{settings.web.listen.host}:{gateway.port}",
            channels=sorted(gateway.parts.channels), backends=sorted(gateway.parts.backends),
            data=str(session.path.absolute().parent / settings.gateway.data),
        )  # fmt: skip

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        code = runner.run(run(assembly, session.path.absolute().parent, started))
    raise SystemExit(code)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Make uvloop's event loops where it is installed, else asyncio's own."""
    try:
        factory: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
    except ImportError:
        return None
    return factory
