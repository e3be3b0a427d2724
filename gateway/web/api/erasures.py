"""Erasing a person who asked for it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from gateway.domain.ids import show
from gateway.web.api.operation import Answer, Call, Operation
from gateway.web.api.words import Line


class NewErasure(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is to be erased."""

    person: Annotated[
        Line,
        Meta(
            min_length=1,
            description="A contact's id, or an address with its scheme: `email:ann@example.com`.",
        ),
    ]
    dry_run: Annotated[
        bool, Meta(description="Only say what would be erased, and change nothing.")
    ] = False


class RemainsDocument(Struct, frozen=True, kw_only=True):
    """Something that another system holds, and that has to be erased there."""

    where: str
    what: str
    url: str


class ErasureDocument(Struct, frozen=True, kw_only=True):
    """What was erased, or would be."""

    contacts: Annotated[tuple[str, ...], Meta(description="Who was erased.")]
    conversations: Annotated[int, Meta(ge=0, description="Erased whole.")]
    messages: Annotated[int, Meta(ge=0)]
    attachments: Annotated[int, Meta(ge=0)]
    arrivals: Annotated[int, Meta(ge=0)]
    decisions: Annotated[int, Meta(ge=0, description="Their reasons and facts were erased.")]
    deliveries: Annotated[int, Meta(ge=0, description="Cancelled since they were not made yet.")]
    remains: tuple[RemainsDocument, ...]
    failed: Annotated[
        tuple[str, ...],
        Meta(description="Who could not forget yet; they are asked again until they have."),
    ]


async def post_erasure(call: Call) -> Answer:
    """Erase a person."""
    asked: NewErasure = call.body
    eraser, caller = call.services.eraser, call.caller
    people = await eraser.find(caller.tenants, asked.person)
    report = await (eraser.look(people) if asked.dry_run else eraser.erase(people, caller.who))
    done = report.erased
    return Answer(
        value=ErasureDocument(
            contacts=tuple(show("con", one) for one in report.contacts),
            conversations=done.conversations, messages=done.messages,
            attachments=done.attachments, arrivals=done.arrivals, decisions=done.decisions,
            deliveries=done.deliveries,
            remains=tuple(
                RemainsDocument(where=one.where, what=one.what, url=one.url)
                for one in report.remains
            ),
            failed=report.failed,
        )
    )  # fmt: skip


OPERATIONS = (
    Operation(
        name="post_erasure", method="POST", path="/erasures", scope="erase", tag="people",
        summary="Erase a person who asked for it",
        description="Identities, what came in, messages, attachments and decisions' words go for "
        "good; what other people said stays. What other systems hold is listed. It may be repeated: "
        "what was begun is finished.",
        run=post_erasure, body=NewErasure, answer=ErasureDocument,
        problems=("not_found", "refused"),
    ),
)  # fmt: skip
