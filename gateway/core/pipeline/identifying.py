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
) -> Identity:
    """Find an address's identity or make one, on the work sheet.

    A better proof than the stored one is kept. A new address joins an existing contact only if both
    the message and a plugin's evidence are more than a claim.
    """
    key = identity_hash(work.tenant, address)
    found = known.identities.get(key) or _on_sheet(work, address)
    if found is not None:
        if at_least(found.proof, proof):
            return found
        better = msgspec.structs.replace(found, proof=proof, evidence=evidence)
        work.identities.append(better)
        work.decide("identity", "proof", f"{address.scheme}:{address.value} is now {proof}")
        return better
    contact = _contact(work, address, proof, proposed)
    identity = Identity(
        id=work.new_id(), tenant=work.tenant, contact=contact,
        scheme=address.scheme, value=address.value, scope=address.scope, name=address.name,
        proof=proof, evidence=evidence, made_at=work.now,
    )  # fmt: skip
    work.identities.append(identity)
    return identity


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
