"""The double's REST API of calls: calls, recordings with their media, and transcriptions."""

from __future__ import annotations

from datetime import date
from typing import Any

from aiohttp import web

from gateway_sms_voice.testing.api import Api, problem
from gateway_sms_voice.testing.calls import PhoneCall, Recording

LIST = frozenset({
    "To", "From", "Status", "StartTime", "StartTime<", "StartTime>", "EndTime", "EndTime<",
    "EndTime>", "ParentCallSid", "PageSize", "Page", "PageToken",
})  # fmt: skip


class CallsApi:
    """Answers requests about calls as Twilio does.

    Args:
        calls: all there were, oldest first.
    """

    def __init__(self, calls: list[PhoneCall]) -> None:
        self._calls = calls

    def add_to(self, app: web.Application, api: Api) -> None:
        """Add the routes, behind the account's credentials."""
        mine = "/2010-04-01/Accounts/{account}"
        for path, handler in (
            (f"{mine}/Calls.json", self._list),
            (f"{mine}/Calls/{{call}}/Recordings.json", self._recordings),
            (f"{mine}/Recordings/{{file}}", self._media),
            (f"{mine}/Recordings/{{recording}}/Transcriptions.json", self._transcriptions),
        ):
            app.router.add_route("GET", path, api.checked(handler))

    async def _list(self, request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        if set(query) - LIST:
            return problem(400, 20001, f"Unknown parameters {sorted(set(query) - LIST)}")
        since = date.fromisoformat(query.get("StartTime>", "1970-01-01")[:10])
        found = [
            one.resource()
            for one in reversed(self._calls)
            if query.get("To", one.to) == one.to
            and query.get("From", one.sender) == one.sender
            and one.created.date() >= since
        ]
        return _page("calls", found)

    async def _recordings(self, request: web.Request) -> web.StreamResponse:
        call = next((one for one in self._calls if one.sid == request.match_info["call"]), None)
        if call is None:
            return problem(404, 20404, "not found")
        return _page("recordings", [_resource(one) for one in reversed(call.recordings)])

    async def _transcriptions(self, request: web.Request) -> web.StreamResponse:
        recording = self._recording(request.match_info["recording"])
        if recording is None:
            return problem(404, 20404, "not found")
        found = [recording.transcription] if recording.transcription else []
        return _page("transcriptions", found)

    async def _media(self, request: web.Request) -> web.StreamResponse:
        name, _, ending = request.match_info["file"].rpartition(".")
        recording = self._recording(name)
        if recording is None or recording.gone or ending not in ("mp3", "wav"):
            return problem(404, 20404, "not found")
        kind = "audio/mpeg" if ending == "mp3" else "audio/x-wav"
        return web.Response(body=recording.data, content_type=kind)

    def _recording(self, sid: str) -> Recording | None:
        return next(
            (one for call in self._calls for one in call.recordings if one.sid == sid), None
        )


def _page(key: str, found: list[dict[str, Any]]) -> web.Response:
    return web.json_response(
        {key: found, "page": 0, "page_size": len(found), "next_page_uri": None}
    )


def _resource(recording: Recording) -> dict[str, Any]:
    return {
        "sid": recording.sid, "call_sid": recording.call_sid, "status": recording.status,
        "duration": str(recording.seconds), "channels": 1, "source": "RecordVerb",
        "error_code": None,
    }  # fmt: skip
