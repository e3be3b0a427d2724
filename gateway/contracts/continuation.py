"""Going on by another channel: continuation codes, and what may be said of a customer's matters."""

from __future__ import annotations

from typing import Protocol

import msgspec

from gateway.domain.contact import Proof
from gateway.domain.message import Address


class IssuedCode(msgspec.Struct, frozen=True, kw_only=True):
    """A code to be given to the customer of a conversation, who keys it in elsewhere.

    Args:
        code: six digits; shown once, stored hashed.
        expires_at: milliseconds since the Unix epoch.
    """

    code: str
    expires_at: int


class Redeemed(msgspec.Struct, frozen=True, kw_only=True):
    """A code was right.

    Args:
        conversation: where it leads.
        proof: goes into `Draft.continues` of what the same person says on this channel; it is good
            for nobody else.
    """

    conversation: int
    proof: str


class Codes(Protocol):
    """Continuation codes of the instance's tenant."""

    async def issue(self, conversation: int, *, again: str = "") -> IssuedCode:
        """Make a code for a conversation.

        Args:
            again: names what it is made for, such as a delivery: the same gets the same digits,
                however often it asks.

        Raises:
            Refused: as many codes live as the configuration allows.
        """
        ...

    async def redeem(self, code: str, *, by: Address | None, use: str) -> Redeemed | None:
        """Use a code up; None if it is wrong, used, expired, or `by` tried too often.

        Args:
            code: what was keyed in, whatever it is.
            by: the author of the draft that will carry the proof; None if nobody can be named.
            use: names the act of keying it in, such as a call's id: the same may ask again.
        """
        ...


class Matter(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a conversation as may be told to a customer.

    Args:
        references: the numbers of its tickets, as the customer knows them.
    """

    conversation: int
    references: tuple[str, ...] = ()


class Matters(Protocol):
    """A customer's matters in the instance's tenant."""

    async def open_for(self, address: Address, *, least: Proof = "proven") -> tuple[Matter, ...]:
        """The open matters somebody takes part in, newest first, at most five.

        Args:
            least: how well the address has to be proven to be theirs; else the answer is empty.
        """
        ...

    async def get(self, conversation: int) -> Matter | None:
        """One matter, which whoever asks has proven to belong to."""
        ...
