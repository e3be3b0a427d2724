"""Kannel's status page in the gateway's words."""

from __future__ import annotations

import pytest

from gateway_sms_voice.providers.kannel.status import health_of

PAGE = """<?xml version="1.0"?>
<gateway>
<version>Kannel bearerbox version `1.4.5'.
</version>
<status>{status}, uptime 0d 0h 1m 23s</status>
<boxes>
	<box>
		<type>{box}</type>
		<status>on-line 0d 0h 1m 22s</status>
	</box></boxes>
<smscs><count>{count}</count>
{smscs}</smscs>
</gateway>
"""
LINE = "<smsc>\n\t\t<name>x</name>\n\t\t<id>{}</id>\n\t\t<status>{}</status>\n\t</smsc>\n"


def page(*lines: tuple[str, str], status: str = "running", box: str = "smsbox") -> bytes:
    """A status page as bearerbox writes it."""
    smscs = "".join(LINE.format(name, state) for name, state in lines)
    return PAGE.format(status=status, count=len(lines), smscs=smscs, box=box).encode()


@pytest.mark.parametrize(
    ("found", "smsc", "code"),
    [
        (page(("a", "online 83s")), "", ""),
        (page(("a", "re-connecting"), ("b", "online 1s")), "", ""),
        (page(("a", "re-connecting"), ("b", "online 1s")), "a", "smsc_down"),
        (page(("a", "dead")), "", "smsc_down"),
        (page(("a", "online 1s")), "c", "no_smsc"),
        (page(), "", "no_smsc"),
        (page(("a", "online 1s"), box="wapbox"), "", "no_smsbox"),
        (page(("a", "online 1s"), status="suspended"), "", "kannel_not_running"),
        (page(("a", "online 1s"), status="isolated"), "", "kannel_not_running"),
        (b'<?xml version="1.0"?>\n<gateway>\nDenied</gateway>\n', "", "wrong_status_password"),
        (b"<html><p>hello", "", "no_status"),
        (b"\xff\x00", "", "no_status"),
    ],
)
def test_health(found: bytes, smsc: str, code: str) -> None:
    """A line that stands is well; everything else has a code and says what to look at."""
    health = health_of(found, smsc)
    assert (code, code == "") == (health.code, health.well)
    assert bool(code) == bool(health.reason)
