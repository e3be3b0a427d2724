"""Actions that `evaluate_conversation` answers, written onto a work sheet."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.core.pipeline.outgoing import tell_backends
from gateway.core.pipeline.work import Work
from gateway.domain.answers import (
    Action,
    AddNote,
    ForwardTo,
    SetPriority,
    SetState,
    SetTier,
    SetTimer,
)
from gateway.domain.conversation import WorkEntry
from gateway.domain.message import Author, Message
from gateway.domain.routing import unknown
from gateway.domain.timer import Timer
from gateway.store.operations import ConversationView, Store

BY = "by"  # marks events that a plugin's own actions caused


async def apply(
    store: Store, work: Work, view: ConversationView, actions: Sequence[Action], *, plugin: str,
    targets: frozenset[str],
) -> None:  # fmt: skip
    """Write down what a plugin wants done about a conversation.

    Args:
        targets: where it may forward to, as ``backend/NAME``.
    """
    conversation = work.read(view.conversation)
    name = conversation.id
    for action in actions:
        current = work.conversation(name)
        match action:
            case SetState(state=state, reason=reason):
                ended = state in ("resolved", "closed")
                work.change(current, state=state, resolved_at=work.now if ended else None)
                work.decide("state", state, reason, plugin=plugin, conversation=name)
                work.tell(
                    "conversation.changed", conversation=name, data={"state": state, BY: plugin}
                )
            case SetTier(tier=tier, reason=reason):
                entry = WorkEntry(at=work.now, who=plugin, tier=tier, text=reason)
                work.change(current, tier=tier, work_order=(*current.work_order, entry))
                work.decide("state", f"tier {tier}", reason, plugin=plugin, conversation=name)
                work.tell(
                    "conversation.changed", conversation=name, data={"tier": tier, BY: plugin}
                )
            case SetPriority(priority=priority, reason=reason):
                work.change(current, priority=priority)
                work.decide(
                    "state", f"priority {priority}", reason, plugin=plugin, conversation=name
                )
                work.tell(
                    "conversation.changed",
                    conversation=name,
                    data={"priority": priority, BY: plugin},
                )
            case AddNote(text=text):
                _note(work, view, text, plugin)
            case SetTimer(name=timer, due=due):
                work.timers.append(
                    Timer(
                        id=work.new_id(), tenant=work.tenant, owner=plugin.split(maxsplit=1)[0],
                        name=f"{name}/{timer}", due_at=due, conversation=name,
                        data={"name": timer},
                    )
                )  # fmt: skip
            case ForwardTo(backends=backends, reason=reason):
                outcome = ", ".join(backends)
                if why := unknown(backends, targets):
                    outcome, reason = "refused", why
                else:
                    await _forward(store, work, view, backends)
                work.decide("route", outcome, reason, plugin=plugin, conversation=name)


def _note(work: Work, view: ConversationView, text: str, plugin: str) -> None:
    current = work.conversation(view.conversation.id)
    note = Message(
        id=work.new_id(), tenant=work.tenant, conversation=current.id,
        seq=work.next_seq(current), direction="internal", kind="note",
        author=Author(kind="system", name=plugin), audience="internal", text=text,
        received_at=work.now, recorded_at=work.now,
    )  # fmt: skip
    work.messages.append(note)
    work.tell("message.stored", conversation=current.id, message=note.id, data={BY: plugin})
    tell_backends(work, current, note)


async def _forward(
    store: Store, work: Work, view: ConversationView, backends: tuple[str, ...]
) -> None:
    """Send everything said so far to further backends, in order."""
    conversation = view.conversation
    fresh = [name for name in backends if name not in conversation.route.backends]
    messages = await store.messages(None, conversation.id, after_seq=0, limit=500)
    for backend in fresh:
        for message in messages:
            work.deliver(message, f"backend/{backend}", "forward")
    if fresh:
        current = work.conversation(conversation.id)
        route = msgspec.structs.replace(current.route, backends=(*current.route.backends, *fresh))
        work.change(current, route=route)
