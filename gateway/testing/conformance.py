"""Checks that prove a channel or backend right, told all at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from gateway.contracts.backend import Backend, BackendType
from gateway.contracts.channel import ChannelType
from gateway.contracts.web import WebRequest
from gateway.domain.arrival import NewArrival, SourceKind
from gateway.domain.outgoing import EntryRef, Forward, Reply, Sent, TicketRef
from gateway.testing.context import Surroundings, as_stored
from gateway.testing.faults import Faults
from gateway.testing.intake_checks import check_intake
from gateway.testing.parsing_checks import check_parser
from gateway.testing.secrecy import check_secrets, library_logs
from gateway.testing.trials import DEADLINE, Trial

Count = Callable[[], Awaitable[int]]


class Violation(AssertionError):
    """A connector breaks its contract; every breach is listed.

    Args:
        breaches: one sentence each.
    """

    def __init__(self, connector: str, breaches: Sequence[str]) -> None:
        self.breaches = tuple(breaches)
        lines = "\n".join(f"  {breach}" for breach in breaches)
        super().__init__(f"{connector} breaks its contract in {len(breaches)} place(s):\n{lines}")


async def check_channel(
    kind: ChannelType,
    settings: msgspec.Struct,
    *,
    arrivals: Sequence[NewArrival] = (),
    replies: Sequence[Reply] = (),
    requests: Sequence[WebRequest] = (),
    count: Count | None = None,
    faults: Faults | None = None,
    deadline: float = DEADLINE,
    surroundings: Surroundings | None = None,
) -> None:
    """Prove that a channel keeps its contract.

    Its parser is picklable, pure and withstands hostile bytes; a reply whose answer gets lost is
    told as `OutcomeUnknown` and then treated as the channel's `capabilities.repeat` says; a target
    that is away is `Unreachable`; every error is a `ConnectorError`; the probe answers; nothing
    blocks the loop; and no secret of the settings shows in a log, an error or the health.

    Args:
        kind: as the plugin registers it.
        settings: pointing to a loopback double of the provider.
        arrivals: samples of what the channel takes in, all of them readable.
        replies: samples of what it sends, each with a key of its own.
        count: how many messages the double has taken; proves that none was sent twice.
        requests: samples of what its routes are sent, each of which is taken in; with valid
            signatures.
        faults: heeded by the double of a target that is not reached by `context.http`; without it
            such a target cannot be tried, which is a breach.
        deadline: seconds that anything may take.
        surroundings: to look into afterwards.

    Raises:
        Violation: with every breach.
    """
    around = surroundings or Surroundings()
    channel = kind.make(around.context(settings))

    trial = Trial(around, count, faults, deadline)
    trial.breaches += check_parser(channel, _stored(arrivals, "channel"), settings)

    async def try_out() -> None:
        await trial.probe(channel.probe)
        for reply in replies:
            await trial.once(
                "send",
                repeat=channel.capabilities.repeat,
                act=_bound(channel.send, reply),
                find=_bound(channel.find_sent, reply),
                kind=Sent,
            )
        another = kind.make(around.context(settings))
        trial.breaches += [one async for one in check_intake(another, around, requests, deadline)]

    await _conclude(f"channel type {kind.name!r}", settings, trial, try_out)


async def check_backend(
    kind: BackendType,
    settings: msgspec.Struct,
    *,
    arrivals: Sequence[NewArrival] = (),
    forwards: Sequence[Forward] = (),
    requests: Sequence[WebRequest] = (),
    count: Count | None = None,
    faults: Faults | None = None,
    deadline: float = DEADLINE,
    surroundings: Surroundings | None = None,
) -> None:
    """Prove that a backend keeps its contract; see `check_channel`.

    Besides, a ticket is opened and an entry added once for each key, also by an instance that
    starts anew, and when the answer got lost.

    Args:
        kind: as the plugin registers it.
        settings: pointing to a loopback double of the ticket system.
        arrivals: samples of what the backend takes in, all of them readable.
        forwards: samples of what it is given, each with a key of its own; the first opens the
            ticket, the others become its entries.
        count: how many tickets and entries the double has.
        requests: samples of what its routes are sent, each of which is taken in; with valid
            signatures.
        faults: heeded by the double of a target that is not reached by `context.http`; without it
            such a target cannot be tried, which is a breach.
        deadline: seconds that anything may take.
        surroundings: to look into afterwards.

    Raises:
        Violation: with every breach.
    """
    around = surroundings or Surroundings()
    backend = kind.make(around.context(settings))

    trial = Trial(around, count, faults, deadline)
    trial.breaches += check_parser(backend, _stored(arrivals, "backend"), settings)

    async def try_out() -> None:
        await trial.probe(backend.probe)
        if forwards:
            anew = kind.make(around.context(settings))
            await _try_forwards(backend, anew, trial, forwards)
        another = kind.make(around.context(settings))
        trial.breaches += [one async for one in check_intake(another, around, requests, deadline)]

    await _conclude(f"backend type {kind.name!r}", settings, trial, try_out)


async def _try_forwards(
    backend: Backend[Any], anew: Backend[Any], trial: Trial, forwards: Sequence[Forward]
) -> None:
    """Open a ticket with the first forward and add the others to it.

    Args:
        anew: a second instance over the same state, as after a restart.
    """
    opening, *entries = forwards
    repeat = backend.capabilities.repeat
    await trial.once(
        "open_ticket",
        repeat=repeat,
        act=_bound(backend.open_ticket, opening),
        find=_bound(backend.find, opening),
        kind=TicketRef,
    )
    ticket = trial.answer
    if ticket is None:
        return
    if repeat == "idempotent":
        await trial.same("open_ticket after a restart", _bound(anew.open_ticket, opening))
    for forward in entries:
        await trial.once(
            "add_entry",
            repeat=repeat,
            act=_bound(backend.add_entry, ticket, forward),
            find=_bound(backend.find_entry, ticket, forward),
            kind=EntryRef,
        )


async def _conclude(
    connector: str,
    settings: msgspec.Struct,
    trial: Trial,
    try_out: Callable[[], Awaitable[None]],
) -> None:
    around = trial.around
    with library_logs() as lines, _unblocked():
        await try_out()
    said = {
        "the log": repr(around.log.lines),
        "a library's log": "\n".join(lines),
        "the text of an error": "\n".join(trial.errors),
        "the health it reports": repr(around.reports),
        "what it answers": "\n".join(trial.said),
    }
    trial.breaches += check_secrets(settings, said)
    if trial.breaches:
        raise Violation(connector, trial.breaches)


@contextmanager
def _unblocked() -> Iterator[None]:
    """Raise where something blocks the event loop, if blockbuster is installed."""
    try:
        from blockbuster import blockbuster_ctx
    except ImportError:
        yield
        return
    with blockbuster_ctx():
        yield


def _stored(arrivals: Sequence[NewArrival], kind: SourceKind) -> list[Any]:
    return [
        as_stored(new, identifier=number, kind=kind) for number, new in enumerate(arrivals, start=1)
    ]


def _bound(call: Callable[..., Awaitable[Any]], *arguments: Any) -> Callable[[], Awaitable[Any]]:
    return lambda: call(*arguments)
