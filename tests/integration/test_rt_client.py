"""The Request Tracker client against a real Request Tracker 5."""

from __future__ import annotations

import pytest

from gateway.core.egress import GuardedHttp
from gateway_rt.answers import File
from gateway_rt.client import RtClient
from gateway_rt.errors import RtForbidden, RtNotFound, RtRefused, RtUnauthorized, RtUnknown
from tests.faults.proxy import Fault
from tests.servers.fixtures import ProxyMaker
from tests.servers.rt import RequestTracker

SESSION = GuardedHttp(["127.0.0.0/8"]).session
TEXT = "Grüße, 日本 ✓\n\nzweiter Absatz"
ALL_BYTES = bytes(range(256))
FILES = (
    File(name="plain.txt", media_type="text/plain", content="Grüße\n".encode()),
    File(name="日本ü.bin", media_type="application/octet-stream", content=ALL_BYTES),
    File(name='quo"te;.pdf', media_type="application/pdf", content="%PDF ü".encode()),
    File(name="latin.txt", media_type="text/plain; charset=latin1", content=b"Gr\xfc\xdfe"),
    File(name="Åà … ñ à", media_type="image/png", content=ALL_BYTES),
    File(name="leer.txt", media_type="text/plain", content=b""),
    File(name="日" * 80 + ".eml", media_type="message/rfc822", content=b"Subject: x\r\n\r\ny\r\n"),
)
EXPECTED = [(file.name, file.content) for file in FILES]


@pytest.fixture
def client(rt: RequestTracker) -> RtClient:
    """A client with the gateway's token."""
    return RtClient(url=rt.url, token=rt.token, session=SESSION)


@pytest.fixture
async def ticket(rt: RequestTracker, client: RtClient, mail_domain: str) -> int:
    """A ticket of this test's own, whose key is the test's mail domain."""
    return await client.create_ticket(
        queue=rt.queue,
        subject="Wo bleibt mein Päckchen?",
        requestor=f"ann@{mail_domain}",
        text=TEXT,
        cc=(f"bob@{mail_domain}",),
        files=FILES[:2],
        fields={rt.field: mail_domain},
    )


async def test_ticket_is_created(
    rt: RequestTracker, client: RtClient, ticket: int, mail_domain: str
) -> None:
    """A new ticket has the text, the files, the people and the custom field it was given."""
    found = await client.ticket(ticket)
    assert found.subject == "Wo bleibt mein Päckchen?"
    assert found.status == "new"
    assert found.effective_id == ticket
    assert found.creator == "gateway"
    assert found.requestors == (f"ann@{mail_domain}",)
    assert found.fields == {rt.field: (mail_domain,)}
    assert await rt.entries(ticket, "Create") == [TEXT]
    assert await rt.files(ticket, "Create") == EXPECTED[:2]


async def test_ticket_is_found_by_its_field(
    rt: RequestTracker, client: RtClient, ticket: int, mail_domain: str
) -> None:
    """The key finds its ticket, and another key finds none, quotes in it or not."""
    assert await client.find_tickets(rt.field, mail_domain) == (ticket,)
    assert await client.find_tickets(rt.field, f"{mail_domain}'\\x") == ()


async def test_correspondence_is_found_by_its_field(
    rt: RequestTracker, client: RtClient, ticket: int, mail_domain: str
) -> None:
    """A correspondence keeps text and files byte for byte, and is found by its own key."""
    written = await client.correspond(
        ticket, TEXT, files=FILES, fields={rt.entry_field: f"dlv-{mail_domain}"}
    )
    assert await rt.entries(ticket) == [TEXT]
    assert await rt.files(ticket) == EXPECTED
    found = await client.find_entries(ticket, rt.entry_field, f"dlv-{mail_domain}")
    assert found == (written.id,)
    assert await client.find_entries(ticket, rt.entry_field, "other") == ()


async def test_text_that_perl_takes_for_false(
    rt: RequestTracker, client: RtClient, ticket: int
) -> None:
    """A customer who answers 0 is heard."""
    await client.correspond(ticket, "0")
    assert [text.strip() for text in await rt.entries(ticket)] == ["0"]


async def test_comment(rt: RequestTracker, client: RtClient, ticket: int) -> None:
    """A comment is recorded as a comment, not as correspondence."""
    written = await client.comment(ticket, "Nur für uns")
    assert written.id is not None
    assert await rt.entries(ticket, "Comment") == ["Nur für uns"]
    assert await rt.entries(ticket) == []


async def test_unknown_entry_field_is_noted(client: RtClient, ticket: int) -> None:
    """RT records an entry whose custom field it does not know, and the notes say so."""
    written = await client.correspond(ticket, "x", fields={"no_such_field": "1"})
    assert written.id is not None
    assert written.notes == ("Unable to load transaction custom field: no_such_field",)


async def test_agents_answers_are_read(rt: RequestTracker, client: RtClient, ticket: int) -> None:
    """Others' correspondence is listed in order and read whole; one's own and comments are not."""
    own = await client.correspond(ticket, "by the gateway")
    assert own.id is not None
    attached = tuple((f.name, f.media_type, f.content) for f in (FILES[0], FILES[2]))
    await rt.correspond_as_agent(ticket, TEXT, attachments=attached)
    await rt.comment_as_agent(ticket, "hidden")
    await rt.correspond_as_agent(ticket, "<p>Grüße</p>", content_type="text/html")
    heads = await client.entries_after(own.id, others_than="gateway")
    plain, html = [await client.read_entry(head) for head in heads if head.ticket == ticket]
    assert (plain.head.creator, plain.head.kind) == ("agent", "Correspond")
    assert (plain.text, plain.html) == (TEXT, "")
    assert plain.message_id.endswith("@example.org")
    assert [(f.name, f.content) for f in plain.files] == [EXPECTED[0], EXPECTED[2]]
    assert (html.text, html.html, html.files) == ("", "<p>Grüße</p>", ())
    assert plain.head.id < html.head.id
    assert plain.head.created.tzinfo is not None


async def test_large_file_is_left_out(rt: RequestTracker, ticket: int, client: RtClient) -> None:
    """A file over the limit is named with its size and not fetched."""
    written = await client.correspond(ticket, "x")
    assert written.id is not None
    big = ("big.bin", "application/octet-stream", ALL_BYTES * 8)
    await rt.correspond_as_agent(ticket, "siehe Anhang", attachments=(big,))
    careful = RtClient(url=rt.url, token=rt.token, file_limit=1000, session=SESSION)
    heads = await careful.entries_after(written.id, others_than="gateway")
    (head,) = [head for head in heads if head.ticket == ticket]
    entry = await careful.read_entry(head)
    assert entry.text == "siehe Anhang"
    assert [(f.name, f.size, f.content) for f in entry.files] == [("big.bin", 2048, None)]


async def test_entries_come_in_pages(rt: RequestTracker, client: RtClient, ticket: int) -> None:
    """A limit gives the oldest entries, and the rest when asked again from the last of them."""
    first = await client.correspond(ticket, "x")
    assert first.id is not None
    for number in range(3):
        await rt.correspond_as_agent(ticket, f"answer {number}")
    seen, last = [], first.id
    while heads := await client.entries_after(last, others_than="gateway", limit=2):
        seen += [head for head in heads if head.ticket == ticket]
        last = heads[-1].id
    assert [(await client.read_entry(head)).text for head in seen] == [
        "answer 0",
        "answer 1",
        "answer 2",
    ]


async def test_status_changes_are_listed(client: RtClient, ticket: int) -> None:
    """A status that was set is the ticket's; setting it again is no error; it is listed."""
    await client.set_status(ticket, "resolved")
    await client.set_status(ticket, "resolved")
    assert (await client.ticket(ticket)).status == "resolved"
    heads = await client.entries_after(0, others_than="nobody", kinds=("Status",))
    values = [(head.old_value, head.new_value) for head in heads if head.ticket == ticket]
    assert values == [("new", "resolved")]


async def test_wrong_status_is_an_error(client: RtClient, ticket: int) -> None:
    """RT answers a status it does not know with 200, which is an error all the same."""
    with pytest.raises(RtRefused, match=r"stays new: .*'nonsense' isn't a valid status") as raised:
        await client.set_status(ticket, "nonsense")
    assert raised.value.status == 200


async def test_unknown_queue(client: RtClient) -> None:
    """An unknown queue is refused with RT's words."""
    with pytest.raises(RtForbidden, match="No permission to create tickets in the queue 'Nope'"):
        await client.create_ticket(queue="Nope", subject="s", requestor="a@example.org", text="t")
    with pytest.raises(RtNotFound):
        await client.queue("Nope")


async def test_unknown_ticket(client: RtClient) -> None:
    """Writing to a ticket that does not exist is refused."""
    with pytest.raises(RtRefused, match="Message could not be recorded"):
        await client.correspond(999_999, "x")
    with pytest.raises(RtNotFound):
        await client.ticket(999_999)


async def test_bad_token(rt: RequestTracker) -> None:
    """A bad token is an error of its own and is not in the words."""
    client = RtClient(url=rt.url, token="1-1-bad", session=SESSION)
    with pytest.raises(RtUnauthorized) as raised:
        await client.version()
    assert "1-1-bad" not in str(raised.value)


async def test_probe(rt: RequestTracker, client: RtClient) -> None:
    """The server tells its version, and a queue its custom fields."""
    assert (await client.version()).startswith("5.")
    queue = await client.queue(rt.queue)
    assert (queue.name, queue.disabled) == (rt.queue, False)
    assert rt.field in queue.ticket_fields
    assert rt.entry_field in queue.entry_fields


async def test_lost_answer_leaves_a_ticket_to_be_found(
    rt: RequestTracker, client: RtClient, fault_proxy: ProxyMaker, mail_domain: str
) -> None:
    """When RT's answer is lost the outcome is unknown, and the look-up finds the one ticket."""
    proxy = await fault_proxy(rt.port)
    await proxy.set_fault(Fault.CUT_REPLY)
    unlucky = RtClient(url=f"http://127.0.0.1:{proxy.port}", token=rt.token, session=SESSION)
    with pytest.raises(RtUnknown):
        await unlucky.create_ticket(
            queue=rt.queue,
            subject="s",
            requestor=f"ann@{mail_domain}",
            text="t",
            fields={rt.field: mail_domain},
        )
    assert len(await client.find_tickets(rt.field, mail_domain)) == 1
