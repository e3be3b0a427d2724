"""Forgetting a person: what the channel keeps beside the messages, and what has to stay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from gateway import Context, Forgotten, Remains
from gateway_sms_voice.fetching import FETCH, lane_of
from gateway_sms_voice.optout import PREFIX
from gateway_sms_voice.providers.contract import Provider
from gateway_sms_voice.settings import PhoneSettings
from gateway_sms_voice.threads import ends_of

PAGE = 500


async def forget(
    context: Context[PhoneSettings], provider: Provider, forgotten: Forgotten
) -> list[Remains]:
    """Forget what is still to be fetched for a person, and say what stays.

    An opt-out stays, or the next text would go to somebody who wants none. The book of what was sent
    holds hashes and ids only.
    """
    gone = {one.value for one in forgotten.addresses if one.scheme in ("tel", "whatsapp")}
    if not gone:
        return []
    where = f"channel/{context.name}"
    remains = [
        Remains(where=where, what=f"texts with {value} in {provider.keeps}")
        for value in sorted(gone)
    ]
    async for key, value in _rows(context, FETCH):
        ends = ends_of(lane_of(value))
        if ends is not None and ends[1].value in gone:
            await context.state.delete(key)
    async for key, value in _rows(context, PREFIX):
        ends = ends_of(key.removeprefix(PREFIX))
        if ends is not None and ends[1].value in gone and isinstance(value, dict):
            wish = "no texts" if value.get("out") else "texts again"
            what = f"the wish of {ends[1]} to get {wish} from {ends[0]}, which has to be kept"
            remains.append(Remains(where=where, what=what))
    return remains


async def _rows(context: Context[PhoneSettings], prefix: str) -> AsyncIterator[tuple[str, Any]]:
    after = ""
    while rows := await context.state.list(prefix, after=after, limit=PAGE):
        for key, stored in rows:
            yield key, stored.value
        after = rows[-1][0]
