"""What plugins change on a message's way out, and what they are told of."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from gateway import Forgotten
from gateway.domain.changes import Changes, StateWrite
from gateway.store.operations import Cursor, DeliveryFilter
from gateway.store.removing import FORGETTING
from tests.unit.hooks_live.stage import Stage, example, staged


async def answer(stage: Stage, text: str) -> None:
    """Reply as an agent would."""
    [conversation] = await stage.conversations()
    await stage.running.operator.reply(
        None, conversation.id, text=text, internal=False, author="Agent Smith"
    )


async def test_hook_prepare_forward(tmp_path: Path) -> None:
    """What a plugin adds to a forward reaches the ticket system."""
    async with staged(tmp_path, example("prepare_forward")) as stage:
        await stage.say("The tap drips")
        [forward] = await stage.forwarded()
        assert ("for-shelf",) == forward.tags


async def test_hook_prepare_reply(tmp_path: Path) -> None:
    """What a plugin adds reaches the customer; what it refuses does not, and shows with the reason."""
    async with staged(tmp_path, example("prepare_reply")) as stage:
        await stage.say("The tap drips")
        await stage.forwarded()
        await answer(stage, "A plumber is on his way.")
        [reply] = await stage.answered()
        assert "A plumber is on his way.\n\nYours, the support team" == reply.text
        await answer(stage, "Your password is 1234.")
        wanted = DeliveryFilter(states=("dead",))
        [dead] = await stage.running.until(
            lambda: stage.running.store.deliveries(None, wanted, Cursor(limit=5))
        )
        assert "passwords are not sent by letter" in dead.last_error
        assert 1 == len(stage.sent)


async def test_hook_on_event(tmp_path: Path) -> None:
    """A plugin is told of what happens once it is there, and goes on after a restart where it left off."""
    file = tmp_path / "events.jsonl"
    settings = f'file = "{file}"'

    def told() -> list[str]:
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line)["kind"] for line in lines]

    async with staged(tmp_path, example("forget_conversation")) as stage:
        await stage.say("This was before", by="eve", thread="before")
        await stage.forwarded()
        last = await stage.running.store.last_event() or 0
    async with staged(tmp_path, example("on_event"), settings) as stage:
        await stage.say("The tap drips")
        kinds = await stage.running.until(lambda: "ticket.opened" in told() and told())
        assert kinds.index("conversation.opened") < kinds.index("ticket.opened")
    before = len(told())
    async with staged(tmp_path, example("on_event"), settings) as stage:
        await stage.say("Another tap drips", by="ben")
        await stage.running.until(lambda: "ticket.opened" in told()[before:])
        ids = [json.loads(line)["id"] for line in file.read_text().splitlines()]
        assert len(set(ids)) == len(ids)
        assert last < min(ids)


async def test_hook_forget_conversation(tmp_path: Path) -> None:
    """A plugin is asked to forget what the gateway has forgotten, and says what stays elsewhere."""
    async with staged(tmp_path, example("forget_conversation")) as stage:
        await stage.say("Hello")
        [forward] = await stage.forwarded()
        forgotten = Forgotten(
            tenant="default", reason="retention", conversation=forward.conversation, whole=True,
            messages=(forward.message,),
        )  # fmt: skip
        write = StateWrite(
            owner=FORGETTING, key=forward.conversation, value=msgspec.json.encode(forgotten)
        )
        await stage.running.store.commit([Changes(tenant="default", state=(write,))])
        answers = await stage.running.gateway.parts.forgetter.ask()
        assert ((), (f"the row of {forward.message}",)) == (
            answers.failed, tuple(one.what for one in answers.remains),
        )  # fmt: skip
        assert [] == await stage.running.store.keeper.forgotten(after="", limit=9)
