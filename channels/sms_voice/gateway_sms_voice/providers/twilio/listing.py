"""Asking Twilio's list of messages: what came in unnoticed, and whether a text was taken."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import msgspec

from gateway import NewArrival
from gateway_sms_voice.numbers import Endpoint, endpoint
from gateway_sms_voice.providers.contract import OutgoingText
from gateway_sms_voice.providers.twilio.client import TwilioClient
from gateway_sms_voice.providers.twilio.fields import ListedMedium, ListedMessage, listed_of
from gateway_sms_voice.providers.twilio.reading import LISTED
from gateway_sms_voice.providers.twilio.settings import TwilioSettings
from gateway_sms_voice.threads import native_thread

SLACK_MS = 60_000  # how far their clock may be off ours


async def missed(
    client: TwilioClient, numbers: Sequence[Endpoint], since: int, region: str
) -> AsyncIterator[NewArrival]:
    """Give what came in to our numbers since a moment, oldest first for each number."""
    day = datetime.fromtimestamp(since / 1000, tz=UTC).date().isoformat()  # the filter is by day
    for number in numbers:
        if not number.reachable:
            continue
        found = []
        pages = client.pages("Messages.json", "messages", **{"To": str(number), "DateSent>": day})
        async for one in pages:
            listed = listed_of(one)
            if listed.at is not None and listed.at < since - SLACK_MS:
                break  # newest first: whatever follows is older
            if listed.inbound:
                found.append(listed)
        for listed in reversed(found):
            yield await _arrival(client, listed, region)


async def _arrival(client: TwilioClient, listed: ListedMessage, region: str) -> NewArrival:
    if str(listed.num_media or "0") != "0":
        pages = client.pages(f"Messages/{listed.sid}/Media.json", "media_list")
        media = [
            ListedMedium(sid=str(one.get("sid")), content_type=str(one.get("content_type") or ""))
            async for one in pages
        ]
        # the list has the newest first, the webhook the first
        listed = msgspec.structs.replace(listed, media=tuple(reversed(media)))
    ours, theirs = endpoint(listed.to or "", region), endpoint(listed.from_ or "", region)
    return NewArrival(
        key=listed.sid, lane=native_thread(ours, theirs), kind=LISTED,
        body=msgspec.json.encode(listed), content_type="application/json",
        remote={"signature": "pass", "listed": True},
    )  # fmt: skip


async def alike(client: TwilioClient, settings: TwilioSettings, text: OutgoingText) -> list[str]:
    """Find messages to the same receiver with the same text, no older than the reply, oldest first.

    They are looked for without a date: one that still waits in a queue has no ``date_sent`` yet.
    """
    query = {"To": str(text.to)}
    if not settings.messaging_service:
        query["From"] = str(text.sender)
    found = []
    async for one in client.pages("Messages.json", "messages", **query):
        listed = listed_of(one)
        if listed.at is not None and listed.at < text.made_at - SLACK_MS:
            break
        mine = listed.direction in ("outbound-api", "outbound-call", "outbound-reply")
        if mine and fits(listed.body or "", text):
            found.append(listed.sid)
    return found[::-1]


def fits(listed: str, text: OutgoingText) -> bool:
    """Whether a listed body is this text; white space is not kept, a template has more around it."""
    theirs, ours = " ".join(listed.split()), " ".join(text.text.split())
    return ours in theirs if text.template else ours == theirs
