"""Tickets that may be being opened: what is said in one can come before its number is known here."""

from __future__ import annotations

from gateway.domain.arrival import Arrival
from gateway.domain.delivery import PARKED
from gateway.domain.ids import first_id
from gateway.domain.known import Known
from gateway.store.operations import Cursor, DeliveryFilter, Store

SLACK = 2000  # milliseconds by which the clocks of two machines may differ
LOOKED_AT = 20


class TicketPending(Exception):
    """An arrival speaks of a ticket that a delivery may have opened whose outcome is not known yet."""


class Openings:
    """Tells what has to wait for a ticket, as an agent's answer that is faster than our record of it.

    Args:
        most: arrivals that may wait at a time; further ones are put aside, so that a ticket system
            whose answers get lost does not hold up everybody's arrivals.
    """

    def __init__(self, store: Store, most: int = 64) -> None:
        self._store, self._most = store, most
        self._waiting: set[int] = set()

    async def check(self, arrival: Arrival, known: Known) -> None:
        """Let through what speaks of a known ticket, or of one that nothing under way can have opened.

        Raises:
            TicketPending: it is to be looked at again later.
        """
        if known.ticket is not None or arrival.source_kind != "backend":
            return
        full = len(self._waiting) >= self._most and arrival.id not in self._waiting
        if not full and await self._under_way(arrival):
            self._waiting.add(arrival.id)
            raise TicketPending

    async def _under_way(self, arrival: Arrival) -> bool:
        """Whether a forward made before this came may have opened its ticket, and will be settled."""
        wanted = DeliveryFilter(states=("leased", "unknown"), target=f"backend/{arrival.source}")
        page = Cursor(before=first_id(arrival.received_at + SLACK), limit=LOOKED_AT)
        found = await self._store.deliveries(None, wanted, page)
        return any(one.next_at != PARKED for one in found)

    def forget(self, arrival: int) -> None:
        """Count an arrival among those that wait no more."""
        self._waiting.discard(arrival)
