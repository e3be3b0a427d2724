"""A text as smsbox takes it, and what its answers mean (``/cgi-bin/sendsms`` by POST).

Text and password travel in body and headers, so that neither stands in a log of addresses. Kannel puts a
``?`` for every letter that GSM's alphabet lacks unless it is told that the text is UCS-2, and cuts off what
is longer than ``max-messages`` segments without a word: `alphabet_of` and the channel's splitting see to both.
"""

from __future__ import annotations

from gateway import (
    AuthenticationFailed,
    ConnectorError,
    Rejected,
    Suspended,
    TargetBroken,
    Throttled,
)
from gateway_sms_voice.providers.contract import Limits, OutgoingText
from gateway_sms_voice.providers.kannel.receipts import MASK
from gateway_sms_voice.providers.kannel.settings import KannelSettings
from gateway_sms_voice.rest import Answer
from gateway_sms_voice.text.segments import alphabet_of

PATH = "/cgi-bin/sendsms"
SEGMENT = 153
PAUSE = 10.0
NO_ROOM = 60.0


def limits_of(settings: KannelSettings) -> Limits:
    """Say what one request may hold."""
    return Limits(
        segments=settings.max_parts, characters=settings.max_parts * SEGMENT,
        per_second=settings.per_second,
    )  # fmt: skip


def signed_in(settings: KannelSettings) -> dict[str, str]:
    """Give the headers that sign in.

    A text always has a type, since Kannel reads headers only then.
    """
    return {
        "X-Kannel-Username": settings.username,
        "X-Kannel-Password": settings.password.reveal(),
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "intake-gateway",
    }


def request_of(
    settings: KannelSettings, text: OutgoingText, report_url: str
) -> tuple[dict[str, str], bytes]:
    """Write a text as headers and body.

    Args:
        report_url: where Kannel is to report; empty for nowhere. It has Kannel's escapes in it.
    """
    headers = signed_in(settings) | {
        "X-Kannel-From": text.sender.value,
        "X-Kannel-To": text.to.value,
        "X-Kannel-Coding": "0" if alphabet_of(text.text) == "gsm7" else "2",
    }
    if settings.smsc:
        headers["X-Kannel-SMSC"] = settings.smsc
    if report_url:
        headers |= {"X-Kannel-DLR-Mask": str(MASK), "X-Kannel-DLR-Url": report_url}
    return headers, text.text.encode("utf-8", "replace")


def refusal(answer: Answer) -> ConnectorError | None:
    """Say what an answer means if the text was not taken; None if it was.

    ``202`` is given when bearerbox has it in its store, also while the SMS centre is away.
    """
    words = " ".join(answer.body[:300].decode("utf-8", "replace").split())
    if answer.status == 202:
        return None
    if answer.status == 403 and "routable" in words:
        return Rejected(
            "Kannel has no line to the SMS centre that takes this receiver (allowed-prefix, "
            "denied-prefix, smsc)", code="not_routable",
        )  # fmt: skip
    if answer.status in (401, 403):
        return AuthenticationFailed(
            "Kannel refused the login: username and password have to be those of a sendsms-user, "
            "and this machine one of its user-allow-ip", code="wrong_login",
        )  # fmt: skip
    if answer.status == 400 and "denied" in words:
        return Rejected(
            "Kannel may not write to that receiver (white-list, black-list, sendsms-chars)",
            code="receiver_denied",
        )
    if answer.status == 400:
        return Rejected(f"Kannel refuses the message: {words}", code="kannel_refused")
    if answer.status == 404:
        return Suspended(f"there is no {PATH} at url; is it smsbox's?", code="no_sendsms")
    if answer.status == 503:
        return Throttled(
            f"Kannel cannot take it now: {words}", code="kannel_busy", retry_after=PAUSE
        )
    if answer.status >= 500:
        return TargetBroken(
            f"Kannel failed ({answer.status}): {words}", code="kannel_failed", retry_after=NO_ROOM
        )
    return Suspended(
        f"what answers at url with {answer.status} is no smsbox of Kannel", code="no_kannel"
    )
