"""The contract of a channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic

import msgspec

from gateway.contracts.footprint import Footprint
from gateway.contracts.services import Context, Intake, S
from gateway.contracts.web import Route
from gateway.domain.arrival import Arrival
from gateway.domain.delivery import Repeat, StuckHead
from gateway.domain.draft import Parsed
from gateway.domain.forgetting import Forgotten, Remains
from gateway.domain.health import Health
from gateway.domain.message import Message
from gateway.domain.outgoing import Reply, Sent

Parser = Callable[[Arrival], Sequence[Parsed]]


class ChannelCapabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel can do.

    Args:
        repeat: what may follow a send whose outcome is unknown.
        stuck_head: whether deliveries behind one that cannot be sent wait or pass it.
        concurrency: sends under way at once, over all conversations.
        starts_threads: it can write to an address that has no thread yet.
        sends: False for a channel that only takes in.
        exclusive: only one of several gateway processes may run it (a mailbox, a socket).
    """

    repeat: Repeat = "never"
    stuck_head: StuckHead = "hold"
    concurrency: int = 4
    starts_threads: bool = False
    sends: bool = True
    exclusive: bool = False


class Channel(Generic[S]):
    """A way in and out for customers; write only the half you need, the rest does nothing.

    Args:
        context: the instance's name, settings and services.
    """

    capabilities: ClassVar[ChannelCapabilities] = ChannelCapabilities()

    def __init__(self, context: Context[S]) -> None:
        self.context = context

    def addresses(self) -> Sequence[str]:
        """Name the addresses this instance answers to, so that no loop goes unnoticed."""
        return ()

    async def run(self, intake: Intake) -> None:
        """Take in until cancelled: listen, poll or hold a socket.

        Returning early means there is nothing to run; raising restarts it with back-off, and a
        `ConnectorError` is shown to the operator as it is.
        """

    def routes(self, intake: Intake) -> Sequence[Route]:
        """Answer webhooks below ``/in/NAME``; verify before anything else."""
        return ()

    async def reconcile(self, intake: Intake) -> None:
        """Take in what a push may have missed; called at the start and after a gap."""

    @property
    def parser(self) -> Parser:
        """A picklable function that reads an arrival; it runs in a worker process.

        It must be pure: the same arrival and settings give the same answer, with no I/O.

        Raises (when called):
            UnreadableArrival: the arrival goes to quarantine with this reason.
        """
        raise TypeError(f"{type(self).__name__} takes nothing in: it has no parser")

    def is_quick(self, arrival: Arrival) -> bool:
        """Whether reading it is bounded to 20 ms, whoever wrote it: then no worker process is asked.

        What is read in the gateway's own process has no deadline and no limit of memory. Say yes
        only for what the kit's hostile bytes have shown to be bounded.
        """
        return False

    def revise(self, stored: Message, new: Message) -> Message:
        """Put a stored message together with what says something new of it (`Draft.revises`).

        It must be pure, and give the same whatever the order in which the parts came. Who wrote the
        message and where it stands is kept by the core.

        Args:
            stored: the message as it is.
            new: what came, as if it were all; by default it takes the place of the stored one.
        """
        return new

    async def send(self, reply: Reply) -> Sent:
        """Send one reply.

        Raises:
            ConnectorError: one of its kinds; `OutcomeUnknown` if it may have been sent.
        """
        raise TypeError(f"{type(self).__name__} sends nothing")

    async def find_sent(self, reply: Reply) -> Sent | None:
        """Look up a send whose outcome is unknown, by the reply's key; None if it did not happen."""
        return None

    async def probe(self) -> Health:
        """Connect and log in as the real work would, changing nothing."""
        return Health()

    async def forget(self, forgotten: Forgotten) -> Sequence[Remains]:
        """Forget what the gateway has forgotten, and say what stays; it may be asked twice.

        Unless it is overridden the channel keeps nothing of its own.
        """
        return ()

    async def close(self) -> None:
        """Give back what is held open; called once, after the last send."""


class ChannelType(msgspec.Struct, frozen=True, kw_only=True):
    """What a plugin registers.

    Args:
        name: what ``type = "…"`` names in the config.
        make: the class.
        settings: the type of its settings; validated before `make` is called.
        summary: one sentence for ``gateway plugins`` and ``gateway init``.
        footprint: says of validated settings what the instance takes up, so that two that get in
            each other's way are refused before anything starts.
    """

    name: str
    make: Callable[[Context[Any]], Channel[Any]]
    settings: type[msgspec.Struct]
    summary: str = ""
    footprint: Callable[[Any], Footprint] | None = None
