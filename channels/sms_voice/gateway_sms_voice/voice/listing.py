"""Asking the provider's list of calls for what its webhooks did not bring."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway import NewArrival
from gateway_sms_voice.numbers import Endpoint, endpoint
from gateway_sms_voice.providers.twilio.client import TwilioClient
from gateway_sms_voice.providers.twilio.fields import moment
from gateway_sms_voice.voice.facts import ENDED
from gateway_sms_voice.voice.fields import JSON, Listed
from gateway_sms_voice.voice.reading import KIND, thread_of

LONGEST_MS = 4 * 3_600_000  # a call is listed by its start, and told of after its end
SETTLED = ("completed", "absent", "failed")
COMPLETE_MS = 3_600_000  # after which a call gets no further recording or transcript
REMEMBERED = 10_000


class CallList:
    """Asks for calls that ended; what a call consists of is asked for until it has been over a while.

    Args:
        numbers: ours, whose calls are asked for.
    """

    def __init__(self, client: TwilioClient, numbers: Sequence[Endpoint], region: str) -> None:
        self._client, self._numbers, self._region = client, numbers, region
        self._complete: dict[str, None] = {}

    async def missed(self, since: int, now: int) -> AsyncIterator[NewArrival]:
        """Give the calls that ended since a moment, with their recordings and transcripts.

        The keys are those of the webhooks, so that what these brought is not taken in once more.
        """
        for number in self._numbers:
            for call in await self._ended(number, since - LONGEST_MS) if number.dialable else ():
                async for arrival in self._parts(call):
                    yield arrival
                if (ended := _ended_at(call)) is not None and now - ended > COMPLETE_MS:
                    self._complete[call["sid"]] = None
        while len(self._complete) > REMEMBERED:
            self._complete.pop(next(iter(self._complete)))

    async def _ended(self, number: Endpoint, since: int) -> list[dict[str, Any]]:
        """List the calls to a number that ended and are not known to be complete, oldest first."""
        day = datetime.fromtimestamp(since / 1000, tz=UTC).date().isoformat()  # it filters by day
        found = []
        query = {"To": str(number), "StartTime>": day}
        async for one in self._client.pages("Calls.json", "calls", **query):
            started = moment(str(one.get("start_time") or one.get("date_created") or ""))
            if started is not None and started < since:
                break  # newest first: whatever follows is older
            wanted = one.get("direction") == "inbound" and one.get("status") in ENDED
            if wanted and str(one.get("sid")) not in self._complete:
                found.append(one)
        return found[::-1]

    async def _parts(self, call: dict[str, Any]) -> AsyncIterator[NewArrival]:
        yield self._arrival("status", Listed(of="call", resource=call), call)
        path = f"Calls/{call['sid']}/Recordings.json"
        async for recording in self._client.pages(path, "recordings"):
            if recording.get("status") not in SETTLED:
                continue
            listed = Listed(of="recording", resource=recording, call=call)
            yield self._arrival("recording", listed, call)
            path = f"Recordings/{recording['sid']}/Transcriptions.json"
            async for transcription in self._client.pages(path, "transcriptions"):
                if transcription.get("status") in SETTLED:
                    listed = Listed(of="transcription", resource=transcription, call=call)
                    yield self._arrival("transcript", listed, call)

    def _arrival(self, step: str, listed: Listed, call: dict[str, Any]) -> NewArrival:
        ours = endpoint(str(call.get("to", "")), self._region)
        theirs = endpoint(str(call.get("from", "")), self._region)
        return NewArrival(
            key=f"{listed.resource['sid']}/{listed.resource.get('status', '')}", kind=KIND,
            lane=thread_of(ours, theirs, str(call["sid"])), body=msgspec.json.encode(listed),
            content_type=JSON,
            remote={"signature": "pass", "listed": True, "step": step, "query": {}},
        )  # fmt: skip


def _ended_at(call: dict[str, Any]) -> int | None:
    return moment(str(call.get("end_time") or ""))
