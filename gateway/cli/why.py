"""``gateway why``: the chain of decisions about a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from gateway.cli.arguments import Id, Shown, named
from gateway.cli.options import Command
from gateway.cli.session import Session
from gateway.cli.terminal import shorten
from gateway.cli.wording import arrival_words, author_words, decision_words, delivery_words
from gateway.core.redacting import redaction
from gateway.domain.ids import show

if TYPE_CHECKING:
    from gateway.core.assembly import Parts
    from gateway.core.operating import Why
    from gateway.web.shapes.decision import WhyDocument


@click.command(
    cls=Command,
    examples=("gateway why msg_0b52k9qa4g001", "gateway why arr_0b52k9qa4g000"),
)
@click.argument("about", type=Id("msg", "arr"), metavar="MESSAGE|ARRIVAL")
@click.pass_obj
def command(session: Session, about: Shown) -> None:
    """Explain what was decided about a message, and why.

    Or about an arrival, which may have become none.
    """

    async def work(parts: Parts) -> Why:
        with named(about):
            found = await parts.operator.why(
                session.tenants,
                message=about.number if about.prefix == "msg" else None,
                arrival=about.number if about.prefix == "arr" else None,
            )
        if found.message is None:
            return found
        shown = await redaction(parts.hooks)(found.message, "console")
        return msgspec.structs.replace(found, message=shown)

    found = session.with_parts(work)
    session.print(_document(found), _words(found))


def _document(found: Why) -> WhyDocument:
    from gateway.web.shapes.arrival import stored_summary
    from gateway.web.shapes.decision import WhyDocument, decision_document
    from gateway.web.shapes.delivery import delivery_document
    from gateway.web.shapes.message import message_document

    return WhyDocument(
        message=message_document(found.message) if found.message else None,
        arrivals=tuple(stored_summary(one) for one in found.arrivals),
        decisions=tuple(decision_document(one) for one in found.decisions),
        deliveries=tuple(delivery_document(one) for one in found.deliveries),
    )


def _words(found: Why) -> str:
    message = found.message
    if message is not None:
        head = (
            f"{show('msg', message.id)}  {shorten(message.subject, 200) or '(no subject)'}\n"
            f"  {author_words(message.author)}, in {show('conv', message.conversation)}, "
            f"by {message.channel or 'the API'}"
        )
    else:
        head = "No message came of it."
    blocks = [
        ("Arrivals", [f"  {arrival_words(one)}" for one in found.arrivals]),
        ("Decisions", [decision_words(one) for one in found.decisions]),
        ("Deliveries", [f"  {delivery_words(one)}" for one in found.deliveries[::-1]]),
    ]
    return "\n\n".join(
        [head, *("\n".join([name, *(lines or ["  none"])]) for name, lines in blocks)]
    )
