"""What has to be known before a decision: keys and questions, computed from what was parsed."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.api_reply import named_conversation
from gateway.core.continuation import bearer
from gateway.domain.arrival import Arrival
from gateway.domain.contact import identity_hash
from gateway.domain.conversation import reference_hash, thread_hash, ticket_hash
from gateway.domain.draft import AgentReply, Draft, Parsed, Receipt, TicketChange
from gateway.domain.ids import key_hash
from gateway.domain.known import Question
from gateway.domain.message import Address
from gateway.domain.tokens import Keyring, Named

UNAUTHENTICATED = "unauthenticated"


def exact_key(arrival: Arrival, part: int) -> bytes:
    """The same source handed in the same bytes under the same key."""
    return key_hash(
        "exact", arrival.tenant, arrival.source, arrival.key, arrival.sha256.hex(), str(part)
    )


def loose_key(arrival: Arrival, part: int) -> bytes:
    """The same source used the same key, whatever the bytes."""
    return key_hash("key", arrival.tenant, arrival.source, arrival.key, str(part))


def same_keys(tenant: str, draft: Draft) -> tuple[bytes, ...]:
    """Content keys under which the same message in another inbox is recognised."""
    return tuple(key_hash("same", tenant, key) for key in draft.same_as)


def author_address(draft: Draft) -> Address | None:
    """The author's address; one that failed authentication never counts as the real person's."""
    if draft.author is None or not draft.trust.failed:
        return draft.author
    return Address(
        scheme=draft.author.scheme,
        value=draft.author.value,
        name=draft.author.name,
        scope=UNAUTHENTICATED,
    )


def named_by(keyring: Keyring, tenant: str, tokens: Sequence[str]) -> tuple[Named, ...]:
    """What the verified ones among some tokens name, in order."""
    return tuple(named for token in tokens if (named := keyring.verify(tenant, token)))


def continued_by(keyring: Keyring, tenant: str, draft: Draft) -> int | None:
    """The conversation that a draft's proof of a continuation code names, if it is its author's."""
    if not draft.continues:
        return None
    return keyring.verify_bound(tenant, draft.continues, bearer(draft.author))


def question(
    arrival: Arrival, parsed: Parsed, part: int, keyring: Keyring, repeat_ms: int
) -> Question:
    """What must be known to decide about one parsed part of an arrival."""
    tenant = arrival.tenant
    claims = (exact_key(arrival, part), loose_key(arrival, part))
    match parsed:
        case Draft():
            author = author_address(parsed)
            people = [author, *parsed.also] if author else []
            people += [participant.address for participant in parsed.participants]
            mine = identity_hash(tenant, author) if author else None
            return Question(
                tenant=tenant,
                claims=claims + same_keys(tenant, parsed),
                identities=tuple(identity_hash(tenant, address) for address in people),
                thread=thread_hash(tenant, arrival.source, parsed.thread.native_id)
                if parsed.thread
                else None,
                references=tuple(
                    reference_hash(tenant, native)
                    for native in (*parsed.references, *filter(None, (parsed.revises,)))
                ),
                conversations=_conversations(keyring, tenant, parsed),
                recent_of=mine if parsed.proof != "claimed" else None,
                recent_since=arrival.received_at - repeat_ms,
            )
        case AgentReply() if arrival.source_kind == "api":
            return Question(
                tenant=tenant, claims=claims, conversations=(named_conversation(parsed.ticket),)
            )
        case AgentReply() | TicketChange():
            return Question(
                tenant=tenant,
                claims=claims,
                ticket=ticket_hash(tenant, arrival.source, parsed.ticket),
            )
        case Receipt():
            return Question(
                tenant=tenant,
                claims=claims,
                identities=(identity_hash(tenant, parsed.recipient),) if parsed.recipient else (),
                references=tuple(reference_hash(tenant, i) for i in parsed.external_ids),
                delivery=parsed.delivery,
            )
        case _:
            return Question(tenant=tenant, claims=claims)


def _conversations(keyring: Keyring, tenant: str, draft: Draft) -> tuple[int, ...]:
    named = [named.conversation for named in named_by(keyring, tenant, draft.tokens)]
    continued = continued_by(keyring, tenant, draft)
    return (*named, *(() if continued is None else (continued,)))
