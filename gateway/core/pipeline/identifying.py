"""Who somebody is: by address, with the proof that came with it and never beyond."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.core.pipeline.work import Work
from gateway.domain.answers import IdentityEvidence
from gateway.domain.contact import Contact, Identity, Proof, at_least, identity_hash
from gateway.domain.known import Known
from gateway.domain.message import Address


def identify(
    work: Work,
    known: Known,
    address: Address,
    *,
    proof: Proof,
    evidence: str,
    proposed: Sequence[IdentityEvidence] = (),
    also: Sequence[Address] = (),
) -> Identity:
    """Find an address's identity or make one, on the work sheet.

    A better proof than the stored one is kept. A new address joins an existing contact only if both
    the message and a plugin's evidence are more than a claim, or if the very proof of the message
    covers an address of that contact.

    Args:
        also: further addresses that this proof covers.
    """
    found = find(work, known, address)
    if found is not None:
        if at_least(found.proof, proof):
            return found
        better = msgspec.structs.replace(found, proof=proof, evidence=evidence)
        work.identities.append(better)
        work.decide("identity", "proof", f"{address.scheme}:{address.value} is now {proof}")
        return better
    contact = _covered(work, known, proof, also) or _contact(work, address, proof, proposed)
    return _add(work, address, contact, proof, evidence)


def find(work: Work, known: Known, address: Address) -> Identity | None:
    """Find an address's identity, in the store or on the work sheet."""
    return known.identities.get(identity_hash(work.tenant, address)) or _on_sheet(work, address)


def identify_also(
    work: Work, known: Known, author: Identity, address: Address, *, proof: Proof, evidence: str
) -> Identity | None:
    """Find or make the identity of a further address of an author; None if it is somebody else's."""
    found = find(work, known, address)
    if found is None:
        work.decide("identity", "also", f"{address.scheme}:{address.value} is the sender's as well")
        return _add(work, address, author.contact, proof, evidence)
    if found.contact == author.contact:
        return found
    work.decide(
        "identity", "apart",
        f"{address.scheme}:{address.value} came along, but is known as somebody else's",
    )  # fmt: skip
    return None


def _add(work: Work, address: Address, contact: int, proof: Proof, evidence: str) -> Identity:
    identity = Identity(
        id=work.new_id(), tenant=work.tenant, contact=contact,
        scheme=address.scheme, value=address.value, scope=address.scope, name=address.name,
        proof=proof, evidence=evidence, made_at=work.now,
    )  # fmt: skip
    work.identities.append(identity)
    return identity


def _covered(work: Work, known: Known, proof: Proof, also: Sequence[Address]) -> int | None:
    """The contact of the first further address that is known, if the proof is more than a claim."""
    if not at_least(proof, "asserted"):
        return None
    found = (known.identities.get(identity_hash(work.tenant, address)) for address in also)
    return next((identity.contact for identity in found if identity is not None), None)


def _on_sheet(work: Work, address: Address) -> Identity | None:
    for identity in reversed(work.identities):
        if (identity.scheme, identity.value, identity.scope) == (
            address.scheme, address.value, address.scope,
        ):  # fmt: skip
            return identity
    return None


def _contact(
    work: Work, address: Address, proof: Proof, proposed: Sequence[IdentityEvidence]
) -> int:
    for offer in proposed:
        same = (offer.address.scheme, offer.address.value) == (address.scheme, address.value)
        if same and offer.contact and at_least(proof, "asserted"):
            if at_least(offer.proof, "asserted"):
                work.decide("identity", "linked", offer.reason or "a plugin proved it")
                return offer.contact
            work.decide("identity", "suggested", offer.reason or "a plugin suggests it")
    contact = Contact(
        id=work.new_id(), tenant=work.tenant, name=address.name, made_at=work.now, version=1
    )
    work.contacts.append(contact)
    return contact.id
