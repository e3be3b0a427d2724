"""A client of Request Tracker's REST 2.0 interface that knows what a failure leaves behind."""

from __future__ import annotations

import binascii
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote as quote_path

import msgspec

from gateway_rt import answers, bodies, errors
from gateway_rt.answers import Entry, EntryHead, File, Part, Queue, Ticket, Written
from gateway_rt.exchange import Exchange, Reply, SessionMaker

Value = TypeVar("Value")

MEBIBYTE = 1024 * 1024
PAGE = 100
LONGEST_CHAIN = 10
MYSELF = "__CurrentUser__"
HEAD_FIELDS = "Type,Creator,Created,ObjectId,OldValue,NewValue"
PART_FIELDS = "ContentType,Filename,Headers,MessageId"


class RtClient:
    """Talks to one Request Tracker as the user of one token.

    Every failure is an ``RtError``. Of those, ``RtUnknown`` alone means that a change may have
    been made; look for it with ``find_tickets`` or ``find_entries`` before it is made again.

    Args:
        url: the address of RT's front page, for example ``https://rt.example.org``.
        token: an API token (RT: Logged in as, Settings, Auth Tokens).
        session: opens a client session; takes ``ssl`` and what `aiohttp.ClientSession` takes.
        tls: settings for https, where the system's own do not do.
        connect_seconds: how long a connection may take to come about.
        total_seconds: how long a request may take altogether.
        answer_limit: bytes an answer may have.
        file_limit: bytes a file of an entry may have to be read; base64 must fit in an answer.
    """

    def __init__(
        self,
        *,
        url: str,
        token: str,
        session: SessionMaker,
        tls: ssl.SSLContext | None = None,
        connect_seconds: float = 10,
        total_seconds: float = 60,
        answer_limit: int = 64 * MEBIBYTE,
        file_limit: int = 40 * MEBIBYTE,
    ) -> None:
        self._exchange = Exchange(
            url=url,
            token=token,
            session=session,
            tls=tls,
            connect_seconds=connect_seconds,
            total_seconds=total_seconds,
            answer_limit=answer_limit,
        )
        self._file_limit = file_limit

    async def version(self) -> str:
        """Return the server's version; it answers only to a valid token."""
        return _decode(lambda answer: str(answer["Version"]), await self._ask("rt"))

    async def queue(self, name: str) -> Queue:
        """Return a queue by its name or number.

        Ask before relying on a custom field: RT takes a ticket with an unknown one without a
        word, and finds nothing by it.
        """
        return _decode(answers.decode_queue, await self._ask(f"queue/{quote_path(name, '')}"))

    async def ticket(self, number: int) -> Ticket:
        """Return a ticket by its number."""
        return _decode(answers.decode_ticket, await self._ask(f"ticket/{number}"))

    async def create_ticket(
        self,
        *,
        queue: str,
        subject: str,
        requestor: str,
        text: str,
        content_type: str = "text/plain",
        cc: Sequence[str] = (),
        files: Iterable[File] = (),
        fields: Mapping[str, str] | None = None,
    ) -> int:
        """Create a ticket and return its number.

        Args:
            queue: its name or number.
            subject: made one line.
            requestor: mail address; RT takes a ticket with what is none, and leaves it out.
            text: the first message, in the form that ``content_type`` names.
            content_type: ``text/plain`` or ``text/html``.
            cc: mail addresses.
            files: what is attached.
            fields: custom fields of the ticket.
        """
        body = {
            "Queue": queue,
            "Subject": bodies.encode_line(subject),
            "Requestor": requestor,
            "Cc": list(cc),
            "CustomFields": dict(fields or {}),
            **bodies.encode_entry(text, content_type=content_type, files=files, fields={}),
        }
        reply = await self._send("POST", "ticket", body)
        return answers.decode_created(reply.body, status=reply.status)

    async def correspond(
        self,
        ticket: int,
        text: str,
        *,
        content_type: str = "text/plain",
        files: Iterable[File] = (),
        fields: Mapping[str, str] | None = None,
        status: str | None = None,
    ) -> Written:
        """Write an entry that the ticket's people see.

        Args:
            ticket: its number.
            text: what is written, in the form that ``content_type`` names.
            content_type: ``text/plain`` or ``text/html``.
            files: what is attached.
            fields: custom fields of the entry, by which it can be found.
            status: the status that the ticket takes with it; a refusal is among the notes.
        """
        body = bodies.encode_entry(
            text, content_type=content_type, files=files, fields=fields or {}, status=status
        )
        return await self._write(f"ticket/{ticket}/correspond", body)

    async def comment(
        self,
        ticket: int,
        text: str,
        *,
        content_type: str = "text/plain",
        files: Iterable[File] = (),
        fields: Mapping[str, str] | None = None,
    ) -> Written:
        """Write an entry that only agents see; the arguments are those of ``correspond``."""
        body = bodies.encode_entry(
            text, content_type=content_type, files=files, fields=fields or {}
        )
        return await self._write(f"ticket/{ticket}/comment", body)

    async def set_status(self, ticket: int, status: str) -> None:
        """Change a ticket's status.

        RT answers 200 whether it did so or not, in the language of the token's user, and says
        nothing where the status is that already; the ticket itself tells.

        Raises:
            RtRefused: the ticket does not have that status now; the text is RT's.
        """
        reply = await self._send("PUT", f"ticket/{ticket}", {"Status": status})
        now = (await self.ticket(ticket)).status
        if now != status:
            texts = reply.body if isinstance(reply.body, list) else [reply.body]
            said = answers.shorten("; ".join(str(each) for each in texts if each))
            raise errors.RtRefused(
                f"ticket {ticket} stays {now}: {said or 'RT gave no reason'}", status=reply.status
            )

    async def find_tickets(self, field: str, value: str) -> tuple[int, ...]:
        """Return the numbers of the tickets with ``value`` in a custom field, oldest first."""
        # Naming EffectiveId brings in what has been merged into another ticket since.
        query = f"EffectiveId > 0 AND {bodies.field_query(field, value)}"
        items = await self._list("tickets", query=query, fields="Status")
        return tuple(int(item["id"]) for item in items)

    async def merged_into(self, ticket: int, field: str) -> Mapping[int, int]:
        """Return which tickets with a custom field were merged into another, and by which entry."""
        query = f"EffectiveId = {ticket} AND id != {ticket} AND {bodies.field_set_query(field)}"
        items = await self._list("tickets", query=query, fields="Status")
        numbers = [int(item["id"]) for item in items]
        return {number: await self._merged_by(number, ticket) for number in numbers}

    async def _merged_by(self, ticket: int, into: int) -> int:
        """Return the entry from which on a ticket belongs to another, by way of others or not."""
        latest, at = 0, ticket
        for _ in range(LONGEST_CHAIN):
            query = (
                "ObjectType = 'RT::Ticket' AND Type = 'AddLink' AND Field = 'MergedInto' "
                f"AND ObjectId = {at}"
            )
            items = await self._list("transactions", query=query, fields=HEAD_FIELDS)
            heads = [_decode(answers.decode_head, item) for item in items]
            # RT notes a merge at both tickets; here only those of this one into another count.
            away = [(head.id, head.new_value.rpartition("/")[2]) for head in heads]
            entry, target = next(((e, t) for e, t in reversed(away) if t != str(at)), (0, ""))
            latest = max(latest, entry)
            if target == str(into) or not target.isdigit():
                break
            at = int(target)
        return latest

    async def real_name(self, user: str) -> str:
        """Return a user's real name, or the user name itself where there is none."""
        answer = await self._ask(f"user/{quote_path(user, '')}")
        return _decode(lambda found: str(found.get("RealName") or user), answer)

    async def first_entry(self, ticket: int) -> int:
        """Return the id of the first entry that the token's user sees of a ticket.

        Raises:
            RtForbidden: it sees none.
        """
        query = f"ObjectType = 'RT::Ticket' AND ObjectId = {ticket}"
        items = await self._list("transactions", query=query, fields="Type", limit=1)
        if not items:
            raise errors.RtForbidden(f"the token's user sees no entry of ticket {ticket}")
        return int(items[0]["id"])

    async def find_entries(self, ticket: int, field: str, value: str) -> tuple[int, ...]:
        """Return the ids of a ticket's entries with ``value`` in a custom field, oldest first."""
        query = f"TicketId = {ticket} AND {bodies.field_query(field, value)}"
        items = await self._list("transactions", query=query, fields="Type")
        return tuple(int(item["id"]) for item in items)

    async def entries_after(
        self,
        entry: int,
        *,
        others_than: str,
        kinds: Sequence[str] = ("Correspond",),
        limit: int = PAGE,
    ) -> tuple[EntryHead, ...]:
        """Return the next entries of all tickets, by ascending id.

        Ids are given before they are committed, so that a lower one may show up after a higher
        one: start some way before the last that was seen, and leave out what is known.

        Args:
            entry: the id after which to start; 0 for the very first.
            others_than: name of the user whose entries are left out; `MYSELF` is the token's own.
            kinds: RT's transaction types, such as ``Correspond``, ``Comment`` or ``Status``.
            limit: how many at most, up to 100.
        """
        types = " OR ".join(f"Type = {bodies.quote(kind)}" for kind in kinds)
        query = (
            f"ObjectType = 'RT::Ticket' AND ( {types} ) AND "
            f"Creator != {bodies.quote(others_than)} AND id > {entry}"
        )
        items = await self._list("transactions", query=query, fields=HEAD_FIELDS, limit=limit)
        return tuple(_decode(answers.decode_head, item) for item in items)

    async def read_entry(self, head: EntryHead) -> Entry:
        """Return an entry with its texts and files."""
        parts = await self._list(
            f"transaction/{head.id}/attachments", fields=PART_FIELDS, limit=None
        )
        texts = {"text/plain": "", "text/html": ""}
        files: list[Part] = []
        for part in parts:
            media_type = str(part.get("ContentType") or "").lower()
            if media_type.startswith("multipart/"):
                continue
            read = await self._read_part(part, media_type)
            if not read.name and texts.get(media_type) == "" and read.content is not None:
                texts[media_type] = read.content.decode("utf-8", "replace")
            elif read.size or read.name:
                files.append(read)
        return Entry(
            head=head,
            text=texts["text/plain"],
            html=texts["text/html"],
            message_id=next((part["MessageId"] for part in parts if part.get("MessageId")), ""),
            files=tuple(files),
        )

    async def _read_part(self, part: Mapping[str, Any], media_type: str) -> Part:
        length = answers.header(str(part.get("Headers") or ""), "Content-Length")
        size = int(length) if length.isascii() and length.isdigit() else 0
        content: bytes | None = None
        if size <= self._file_limit:
            answer = await self._ask(f"attachment/{part['id']}")
            content = _decode(answers.decode_content, answer)
        return Part(
            id=int(part["id"]),
            name=str(part.get("Filename") or ""),
            media_type=media_type,
            size=size if content is None else len(content),
            content=content,
        )

    async def _write(self, path: str, body: Mapping[str, Any]) -> Written:
        reply = await self._send("POST", path, body)
        return answers.decode_written(reply.body, status=reply.status, location=reply.location)

    async def _list(
        self, path: str, *, fields: str, query: str | None = None, limit: int | None = None
    ) -> list[Any]:
        """Return what is found, page by page, by ascending id; at most ``limit`` items."""
        wanted = {"fields": fields, "orderby": "id", "order": "ASC", "per_page": str(limit or PAGE)}
        if query is not None:
            wanted["query"] = query
        found: list[Any] = []
        page = 1
        while True:
            answer = await self._ask(path, {**wanted, "page": str(page)})
            items = answer.get("items") if isinstance(answer, dict) else None
            if not isinstance(items, list):
                raise errors.RtRefused(f"RT's answer to {path} is not a list of items")
            found += items
            # A page may be empty though more follow: RT leaves out what the user may not see.
            enough = limit is not None and len(found) >= limit
            if enough or not answer.get("next_page"):
                return found[:limit]
            page += 1

    async def _ask(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        return (await self._exchange.request("GET", path, params=params)).body

    async def _send(self, method: str, path: str, body: Mapping[str, Any]) -> Reply:
        return await self._exchange.request(method, path, data=msgspec.json.encode(body))


def _decode(read: Callable[[Any], Value], answer: Any) -> Value:
    """Return what ``read`` makes of an answer.

    Raises:
        RtRefused: it is not what RT answers with.
    """
    try:
        return read(answer)
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise errors.RtRefused(
            f"RT's answer is not understood: {type(error).__name__}: {error}"
        ) from error
