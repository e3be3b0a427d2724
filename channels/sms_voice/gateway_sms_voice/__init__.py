"""The phone channel: SMS, MMS, WhatsApp and calls, through Twilio or a gateway of one's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway import Channel, ChannelType, Context, hookimpl
from gateway_sms_voice.settings import PhoneSettings


def _make(context: Context[Any]) -> Channel[Any]:
    from gateway_sms_voice.channel import PhoneChannel

    return PhoneChannel(context)


@hookimpl
def register_channels() -> Iterable[ChannelType]:
    """Bring the channel type ``sms_voice``."""
    yield ChannelType(
        name="sms_voice",
        make=_make,
        settings=PhoneSettings,
        summary="Phone numbers: SMS, MMS, WhatsApp and calls in, texts out.",
    )
