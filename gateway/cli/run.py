"""``gateway run``: run the gateway until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

import click
import structlog

from gateway.cli.failing import fail
from gateway.cli.options import Command
from gateway.cli.session import Session
from gateway.core.logs import log_for, set_up_logs
from gateway.errors import Refused

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.config.settings import Settings


GARBAGE = 20_000  # new objects until they are looked through


@click.command(
    cls=Command,
    examples=(
        "gateway run",
        "gateway --config /etc/gateway/gateway.toml run",
        "gateway run --workers 4   # on PostgreSQL",
    ),
)
@click.option(
    "--workers", type=click.IntRange(1, 256), default=1, metavar="N",
    help="Run N processes that share the addresses and divide the work; needs PostgreSQL.",
)  # fmt: skip
@click.pass_obj
def command(session: Session, workers: int) -> None:
    """Run the gateway until SIGTERM or Ctrl-C.

    Then it takes in nothing more and finishes what is under way within ten seconds. A worker that
    ends is started again.
    """
    import gateway.app  # noqa: F401 - read before workers are forked

    settings = session.assembly.settings
    set_up_logs(
        settings.gateway.log_level, settings.gateway.log_format,
        redact_cards_too="log" in settings.redaction.card_numbers,
    )  # fmt: skip
    if workers == 1:
        raise SystemExit(_run(session))
    _check(settings)

    def work(number: int, lifeline: int) -> int:
        structlog.contextvars.bind_contextvars(worker=number)
        try:
            return _run(session, worker=number, lifeline=lifeline)
        except (Exception, KeyboardInterrupt) as error:
            return fail(error, as_json=session.as_json)

    from gateway.cli.workers import Workers

    gc.collect()
    gc.freeze()  # so that looking for garbage does not copy what the workers share
    raise SystemExit(Workers(workers, work, log_for("workers")).run())


def _check(settings: Settings) -> None:
    """Refuse several processes where they cannot share.

    Raises:
        Refused: it says why and what to do.
    """
    if settings.store.url.startswith("sqlite"):
        raise Refused(
            "--workers needs PostgreSQL, for an embedded database serves one process: move the "
            "store there and set store.url to postgresql://…"
        )
    if settings.web.listen.port == 0:
        raise Refused("--workers needs a port that all of them share: set web.listen to one")


def _run(session: Session, *, worker: int = 1, lifeline: int | None = None) -> int:
    """Run one process; its exit code."""
    from gateway.app import run

    settings = session.assembly.settings

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

    folder = session.path.absolute().parent
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(run(session.assembly, folder, started, worker=worker, lifeline=lifeline))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Make uvloop's event loops where it is installed, else asyncio's own."""
    try:
        factory: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
    except ImportError:
        return None
    return factory
