"""Contacts, their identities, and how well those are proven."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from gateway.domain.ids import key_hash
from gateway.domain.message import Address

Proof = Literal["claimed", "asserted", "proven"]
IdentityState = Literal["active", "opted_out", "bounced", "blocked"]
_RANK: dict[str, int] = {"claimed": 1, "asserted": 2, "proven": 3}


def at_least(proof: Proof, floor: Proof) -> bool:
    """Whether a proof is as good as another.

    ``claimed`` is what a sender says of himself, ``asserted`` what a provider vouches for,
    ``proven`` what the customer has shown (a token, a sign-in).
    """
    return _RANK[proof] >= _RANK[floor]


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A person."""

    id: int
    tenant: str
    name: str = ""
    language: str = ""
    time_zone: str = ""
    organisation: str = ""
    attributes: dict[str, Any] = {}
    made_at: int = 0
    version: int = 0


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """An address of a contact with the evidence that it is theirs."""

    id: int
    tenant: str
    contact: int
    scheme: str
    value: str
    scope: str = ""
    name: str = ""
    proof: Proof = "claimed"
    evidence: str = ""
    state: IdentityState = "active"
    made_at: int = 0

    @property
    def address(self) -> Address:
        """The address this identity stands for."""
        return Address(scheme=self.scheme, value=self.value, name=self.name, scope=self.scope)


def identity_hash(tenant: str, address: Address) -> bytes:
    """The look-up key of an identity: unique within its tenant."""
    return key_hash("identity", tenant, address.scheme, address.scope, address.value)
