"""What a person does about a delivery: send it again, by another way if need be, or give it up."""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.core.pipeline.outgoing import NO_ROUTE, reply_thread, tell_agent
from gateway.core.pipeline.work import Work
from gateway.domain.conversation import Conversation
from gateway.domain.delivery import Attempt, Delivery, DeliveryState
from gateway.domain.ids import show
from gateway.domain.message import Message
from gateway.errors import Refused
from gateway.store.operations import ConversationView

Action = Literal["replay", "discard"]
MENDABLE: dict[Action, tuple[DeliveryState, ...]] = {
    "replay": ("dead", "unknown"), "discard": ("dead", "unknown", "queued"),
}  # fmt: skip


def check_mendable(found: Delivery, action: Action) -> None:
    """Raise `Refused` for a delivery in whose state this cannot be done."""
    if found.state not in MENDABLE[action]:
        *others, last = MENDABLE[action]
        raise Refused(
            f"{show('dlv', found.id)} is {found.state}; only {', '.join(others)} and {last} "
            f"deliveries can be {action}ed"
        )


def wayless(found: Delivery) -> bool:
    """Whether it was given up since its conversation had nowhere to answer in."""
    return found.last_code == NO_ROUTE and found.thread is None and not found.recipients


def send_again(work: Work, found: Delivery, who: str) -> Delivery:
    """Queue it anew: somebody who replays has looked, so it is sent whatever came before."""
    history = found.history
    if found.last_code in ("held", "refused"):
        history = (*history, Attempt(at=work.now, outcome="released"))
    after = msgspec.structs.replace(
        found, state="queued", attempts=0, next_at=work.now, blocks=True, history=history,
        settled_at=None,
    )  # fmt: skip
    work.settled.append(after)
    _decide(work, found, "replayed", f"{who} had it replayed")
    return after


def send_elsewhere(
    work: Work, found: Delivery, message: Message, view: ConversationView, who: str
) -> Delivery:
    """Send an answer that had no way by the thread that its conversation has by now.

    Args:
        view: the conversation that stands.

    Returns:
        The delivery that takes its place.

    Raises:
        Refused: there is still no thread.
    """
    thread = reply_thread(view.conversation, view.threads)
    if thread is None:
        raise Refused(f"{show('dlv', found.id)} stays dead: {found.last_error}")
    conversation = work.read(view.conversation)
    seen = msgspec.structs.replace(message, conversation=conversation.id)
    after = work.deliver(seen, f"channel/{thread.channel}", "reply", thread=thread.id)
    work.settled.append(_given_up(work, found))
    _decide(
        work, found, "replayed",
        f"{who} had it replayed: {show('dlv', after.id)} takes it to {after.target}",
    )  # fmt: skip
    return after


def discard(work: Work, found: Delivery, conversation: Conversation, who: str) -> Delivery:
    """Give it up for good, so that those behind it go on.

    Whoever wrote an answer that is on its way, as far as they know, is told.
    """
    after = _given_up(work, found)
    work.settled.append(after)
    _decide(work, found, "discarded", f"{who} had it discarded")
    if found.state == "queued" and found.operation == "reply":
        tell_agent(work, conversation, f"The answer was not sent: {who} discarded it.")
    return after


def _given_up(work: Work, found: Delivery) -> Delivery:
    return msgspec.structs.replace(found, state="cancelled", blocks=False, settled_at=work.now)


def _decide(work: Work, found: Delivery, outcome: str, reason: str) -> None:
    work.decide(
        "state", outcome, reason, message=found.message, conversation=found.conversation,
        delivery=show("dlv", found.id),
    )  # fmt: skip
