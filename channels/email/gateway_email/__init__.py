"""The e-mail channel: IMAP, LMTP and SMTP in, SMTP out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway import Channel, ChannelType, Context, hookimpl
from gateway_email.footprint import footprint
from gateway_email.settings import EmailSettings


def _make(context: Context[Any]) -> Channel[Any]:
    from gateway_email.channel import EmailChannel

    return EmailChannel(context)


@hookimpl
def register_channels() -> Iterable[ChannelType]:
    """Bring the channel type ``email``."""
    yield ChannelType(
        name="email",
        make=_make,
        settings=EmailSettings,
        footprint=footprint,
        summary="A mailbox: mail in by IMAP or LMTP, mail out by SMTP.",
    )
