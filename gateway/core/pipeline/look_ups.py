"""Look-ups: reading what has to be known before a decision, for many arrivals at once."""

from __future__ import annotations

import msgspec

from gateway.core.gathering import Gathered
from gateway.core.pipeline.inbound import Inbound
from gateway.core.pipeline.keys import question
from gateway.core.pipeline.preparing import Prepared
from gateway.domain.arrival import Arrival
from gateway.domain.known import Known, Question
from gateway.domain.matching import Joined
from gateway.domain.tokens import Keyring
from gateway.store.operations import Store


class LookUps:
    """Reads what has to be known.

    Args:
        repeat_hours: for how long what somebody said may be said again.
    """

    def __init__(
        self, store: Store, inbound: Inbound, keyring: Keyring, *, repeat_hours: float
    ) -> None:
        self._gathered: Gathered[Question, Known] = Gathered(store.look_up)
        self._inbound, self._keyring = inbound, keyring
        self._repeat_ms = int(repeat_hours * 3_600_000)

    async def known(self, arrival: Arrival, part: Prepared) -> Known:
        """Read what must be known to decide about one part of an arrival.

        What its sender said lately, which may be a lot, is read only if nothing else tells where it belongs.
        """
        whole = question(arrival, part.parsed, part.part, self._keyring, self._repeat_ms)
        known = await self._gathered.ask(msgspec.structs.replace(whole, recent_of=None))
        author = known.identities.get(whole.recent_of) if whole.recent_of else None
        if part.candidate is None or author is None:
            return known
        verdict = self._inbound.belongs(arrival, part.candidate.draft, known, author)
        return known if isinstance(verdict, Joined) else await self._gathered.ask(whole)
