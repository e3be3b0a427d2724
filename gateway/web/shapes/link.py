"""Links as the API and the pages show them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.domain.conversation import Link, LinkKind
from gateway.domain.ids import Prefix, show
from gateway.web.shapes.ids import LinkId
from gateway.web.shapes.moment import Moment, moment


class LinkDocument(Struct, frozen=True, kw_only=True):
    """A statement about two conversations or contacts: `a` is `kind` `b`."""

    id: LinkId
    kind: LinkKind
    of: Literal["conversation", "contact"]
    a: str
    b: str
    evidence: Annotated[str, Meta(description="Why, in words.")]
    who: str
    at: Moment
    revoked_at: Moment | None
    revoked_by: str


def link_document(link: Link) -> LinkDocument:
    """Show a link."""
    prefix: Prefix = "conv" if link.of == "conversation" else "con"
    return LinkDocument(
        id=show("lnk", link.id), kind=link.kind, of=link.of, a=show(prefix, link.a),
        b=show(prefix, link.b), evidence=link.evidence, who=link.who, at=moment(link.at),
        revoked_at=moment(link.revoked_at), revoked_by=link.revoked_by,
    )  # fmt: skip
