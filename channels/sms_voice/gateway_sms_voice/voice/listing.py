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


async def missed_calls(
    client: TwilioClient, numbers: Sequence[Endpoint], since: int, region: str
) -> AsyncIterator[NewArrival]:
    """Give the calls to our numbers that ended since a moment, with their recordings and transcripts.

    The keys are those of the webhooks, so that what these brought is not taken in once more.
    """
    since -= LONGEST_MS
    day = datetime.fromtimestamp(since / 1000, tz=UTC).date().isoformat()  # the filter is by day
    for number in numbers:
        if not number.dialable:
            continue
        found = []
        async for one in client.pages(
            "Calls.json", "calls", **{"To": str(number), "StartTime>": day}
        ):
            started = moment(str(one.get("start_time") or one.get("date_created") or ""))
            if started is not None and started < since:
                break  # newest first: whatever follows is older
            if one.get("direction") == "inbound" and one.get("status") in ENDED:
                found.append(one)
        for call in reversed(found):
            async for arrival in _parts(client, call, region):
                yield arrival


async def _parts(
    client: TwilioClient, call: dict[str, Any], region: str
) -> AsyncIterator[NewArrival]:
    yield _arrival("status", Listed(of="call", resource=call), region, call)
    recordings = client.pages(f"Calls/{call['sid']}/Recordings.json", "recordings")
    async for recording in recordings:
        if recording.get("status") not in SETTLED:
            continue
        listed = Listed(of="recording", resource=recording, call=call)
        yield _arrival("recording", listed, region, call)
        transcriptions = client.pages(
            f"Recordings/{recording['sid']}/Transcriptions.json", "transcriptions"
        )
        async for transcription in transcriptions:
            if transcription.get("status") in SETTLED:
                listed = Listed(of="transcription", resource=transcription, call=call)
                yield _arrival("transcript", listed, region, call)


def _arrival(step: str, listed: Listed, region: str, call: dict[str, Any]) -> NewArrival:
    ours, theirs = (
        endpoint(str(call.get("to", "")), region),
        endpoint(str(call.get("from", "")), region),
    )
    return NewArrival(
        key=f"{listed.resource['sid']}/{listed.resource.get('status', '')}", kind=KIND,
        lane=thread_of(ours, theirs, str(call["sid"])), body=msgspec.json.encode(listed),
        content_type=JSON,
        remote={"signature": "pass", "listed": True, "step": step, "query": {}},
    )  # fmt: skip
