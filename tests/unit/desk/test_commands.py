"""``gateway desk``: the words people read, and the values their scripts read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from gateway import Address, Attachment, Forward, Intake, NotFound
from gateway.testing import Surroundings
from gateway_desk.backend import Desk
from gateway_desk.commands import desk as group
from gateway_desk.settings import DeskSettings


class Terminal:
    """What the gateway's command line binds to ``ctx.obj``."""

    def __init__(self, backends: dict[str, Desk], intake: Intake) -> None:
        self.as_json = False
        self._backends, self._intake = backends, intake

    def run(self, work: Callable[[Desk, Intake], Awaitable[Any]], name: str, kind: str = "") -> Any:
        async def do() -> Any:
            return await work(self._backends[name or kind], self._intake)

        return asyncio.run(do())

    def print(self, value: Any, text: str) -> None:
        click.echo(msgspec.json.encode(value).decode() if self.as_json else text)


def forward(key: str, **fields: Any) -> Forward:
    """Make one of Ann's messages."""
    return Forward(
        key=key,
        tenant="default",
        conversation="conv_1",
        message="msg_1",
        channel="support",
        author=Address(scheme="email", value="ann@example.org", name="Ann"),
        **fields,
    )


@pytest.fixture
def around() -> Surroundings:
    """Make what surrounds a desk."""
    return Surroundings()


@pytest.fixture
def run(around: Surroundings) -> Callable[..., Result]:
    """Make a desk with two tickets and give what runs commands on it."""
    desk = Desk(around.context(DeskSettings()))

    async def fill() -> None:
        ticket = await desk.open_ticket(
            forward(
                "k1",
                subject="Broken \x1b[31mtap",
                text="It drips.\nAll night.",
                tags=("leak",),
                attachments=(Attachment(name="tap.jpg", size=3000),),
                remarks=("the sender could not be verified",),
            )
        )
        await desk.add_entry(ticket, forward("k2", text="It drips.", repeat=True))
        await desk.open_ticket(forward("k3", subject="", text="Hello?", queue="talk"))

    asyncio.run(fill())

    def invoke(*args: str, **options: Any) -> Result:
        obj = Terminal({"desk": desk, "other": desk}, around.intake)
        return CliRunner().invoke(group, list(args), obj=obj, **options)

    return invoke


def test_list_shows_one_line_a_ticket(run: Callable[..., Result]) -> None:
    """Tickets come newest first, and a stranger's subject cannot steer the terminal."""
    assert (
        "     2  open      L1  normal  2026-05-28 20:26Z  (no subject)\n"
        "     1  open      L1  normal  2026-05-28 20:26Z  Broken  [31mtap\n"
    ) == run("list").output


def test_list_is_narrowed(run: Callable[..., Result]) -> None:
    """State and queue narrow the list; an empty one says so."""
    tickets = json.loads(run("list", "--queue", "talk", "--json").output)
    assert [2] == [ticket["number"] for ticket in tickets]
    assert "No tickets.\n" == run("list", "--state", "closed").output


def test_show_tells_the_whole_ticket(run: Callable[..., Result]) -> None:
    """A ticket is told with its facts and entries, a repeat as one line."""
    assert (
        "Ticket 1: Broken  [31mtap\n"
        "  State: open\n"
        "  From: Ann <ann@example.org>\n"
        "  Tier: L1, priority normal\n"
        "  Tags: leak\n"
        "  Channel: support\n"
        "  Conversation: conv_1\n"
        "\n"
        "[1-1] 2026-05-28 20:26Z customer Ann\n"
        "  ! the sender could not be verified\n"
        "  It drips.\n"
        "  All night.\n"
        "  + tap.jpg (3000 bytes, stored)\n"
        "\n"
        "[1-2] 2026-05-28 20:26Z customer Ann  (said before)\n"
    ) == run("show", "1").output


def test_reply_note_assign_and_close_say_what_they_did(
    run: Callable[..., Result], around: Surroundings
) -> None:
    """Each command changes the ticket and says so in one sentence."""
    assert "Answered as entry 1-3.\n" == run("reply", "1", "On our way.", "--author", "Bob").output
    assert (
        "Noted:\n[1-4] 2026-05-28 20:26Z note\n  He called.\n"
        == run("note", "1", "-", input="He called.\n").output
    )
    assert "Ticket 1 is assigned to Bob.\n" == run("assign", "1", "Bob").output
    assert "Ticket 1 is assigned to nobody.\n" == run("assign", "1").output
    assert "Ticket 1 is closed.\n" == run("close", "1").output
    assert "Ticket 1 is open.\n" == run("close", "1", "--state", "open", "--desk", "other").output
    assert ["reply", "reply", "state", "state"] == [new.kind for new in around.intake.accepted]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("show", "1"), "ticket"),
        (("reply", "1", "x"), "author_kind"),
        (("note", "1", "x"), "audience"),
        (("assign", "1", "Bob"), "assignee"),
        (("close", "1"), "state"),
    ],
)
def test_every_command_prints_json(
    run: Callable[..., Result], arguments: tuple[str, ...], field: str
) -> None:
    """With --json the value is printed whole, every field there."""
    assert field in json.loads(run(*arguments, "--json").output)


def test_a_ticket_that_is_not_there_ends_in_not_found(run: Callable[..., Result]) -> None:
    """An unknown or impossible ticket raises what the command line turns into exit code 6."""
    for name in ("9", "nine"):
        error = run("show", name).exception
        assert isinstance(error, NotFound)
        assert 6 == error.exit_code


def test_an_empty_text_is_not_sent(run: Callable[..., Result], around: Surroundings) -> None:
    """A reply without words is a usage error, and nothing enters."""
    result = run("reply", "1", " ")
    assert (2, True, []) == (
        result.exit_code,
        "the text is empty" in result.output,
        around.intake.accepted,
    )
