"""Bounces name the address, the reason and the mail that came back."""

from __future__ import annotations

import pytest

from gateway_email.reading import BouncedRecipient, read_mail
from tests.unit.email.reading.samples import mail, multipart_mail, part

_ORIGINAL = (
    b"From: support@shop.example\nMessage-ID: <r.token.1@shop.example>\nSubject: Re: Order\n\nbody"
)


def report(status: str, returned: str = "message/rfc822") -> bytes:
    """Return a bounce with a delivery status, as postfix writes it."""
    return multipart_mail(
        "report",
        part("This is the mail system at host mx.example.\n\n<gone@x.example>: host said: 550"),
        part(
            f"Reporting-MTA: dns; mx.example\n\n{status}", "Content-Type: message/delivery-status"
        ),
        part(_ORIGINAL, f"Content-Type: {returned}"),
        fields=("Return-Path: <>", "Auto-Submitted: auto-replied"),
        extra="; report-type=delivery-status",
    )


@pytest.mark.parametrize(
    ("status", "expected", "hard"),
    [
        (
            (
                "Final-Recipient: rfc822; gone@x.example\nAction: failed\nStatus: 5.1.1\n"
                "Diagnostic-Code: smtp; 550 5.1.1 User unknown"
            ),
            BouncedRecipient(
                address="gone@x.example",
                status="5.1.1",
                action="failed",
                diagnostic="550 5.1.1 User unknown",
            ),
            True,
        ),
        (
            "Final-Recipient: rfc822; gone@x.example\nAction: delayed\nStatus: 4.4.1",
            BouncedRecipient(address="gone@x.example", status="4.4.1", action="delayed"),
            False,
        ),
        (
            (
                "Final-Recipient: rfc822; gone@x.example\nAction: failed\nStatus: 5.0.0\n"
                "Diagnostic-Code: smtp; 552 5.2.2 Mailbox full"
            ),
            BouncedRecipient(
                address="gone@x.example",
                status="5.2.2",
                action="failed",
                diagnostic="552 5.2.2 Mailbox full",
            ),
            True,
        ),
        (
            (
                "Original-Recipient: rfc822; alias@x.example\nFinal-Recipient: rfc822; gone@y.example\n"
                "Action: failed\nStatus: 5.7.1 (refused)"
            ),
            BouncedRecipient(address="alias@x.example", status="5.7.1", action="failed"),
            True,
        ),
        (
            "Final-Recipient: RFC822; <gone@x.example>\nAction: Failed\nDiagnostic-Code: smtp; 550 no such user",
            BouncedRecipient(
                address="gone@x.example",
                status="5.0.0",
                action="failed",
                diagnostic="550 no such user",
            ),
            True,
        ),
    ],
)
def test_delivery_status_is_read(status: str, expected: BouncedRecipient, hard: bool) -> None:
    """Address, status and words come from the report; a vague status gives way (RFC 3464)."""
    read = read_mail(report(status))
    assert read.kind == "bounce"
    assert read.bounce is not None
    assert (read.bounce.recipients, read.bounce.hard) == ((expected,), hard)
    assert read.bounce.original_message_id == "<r.token.1@shop.example>"


def test_returned_headers_are_enough() -> None:
    """The mail that came back is found by its header alone, too."""
    read = read_mail(
        report("Final-Recipient: rfc822; a@b.example\nAction: failed", "text/rfc822-headers")
    )
    assert read.bounce is not None
    assert read.bounce.original_message_id == "<r.token.1@shop.example>"


def test_several_recipients_are_told_apart() -> None:
    """Each group of a report is one address; one failure makes the bounce hard."""
    read = read_mail(
        report(
            "Final-Recipient: rfc822; a@x.example\nAction: delayed\nStatus: 4.2.2\n\n"
            "Final-Recipient: rfc822; b@x.example\nAction: failed\nStatus: 5.1.1"
        )
    )
    assert read.bounce is not None
    assert [(one.address, one.status) for one in read.bounce.recipients] == [
        ("a@x.example", "4.2.2"),
        ("b@x.example", "5.1.1"),
    ]
    assert read.bounce.hard


def test_a_report_of_success_is_no_bounce() -> None:
    """A delivery receipt tells of nothing that came back."""
    read = read_mail(
        report("Final-Recipient: rfc822; a@x.example\nAction: delivered\nStatus: 2.0.0")
    )
    assert (read.kind, read.bounce) == ("notification", None)


_EXIM = """This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  gone@x.example
    host mx.x.example [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<gone@x.example>:
    550 5.1.1 User unknown

------ This is a copy of the message, including all the headers. ------

Message-ID: <r.token.1@shop.example>
From: support@shop.example

other@y.example was mentioned in the mail
"""
_QMAIL = """Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<gone@x.example>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 <gone@x.example>: Recipient address rejected: User unknown
Giving up on 192.0.2.1.

--- Below this line is a copy of the message.

Return-Path: <support@shop.example>
Message-ID: <r.token.1@shop.example>
"""
_EXCHANGE = """Delivery has failed to these recipients or groups:

gone@x.example<mailto:gone@x.example>
The email address you entered couldn't be found. Remote server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound'

Original message headers:

Message-ID: <r.token.1@shop.example>
"""
_PLAIN_POSTFIX = """I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

<gone@x.example>: host mx.x.example[192.0.2.1] said: 550 5.1.1
    <gone@x.example>: Recipient address rejected: User unknown (in reply to RCPT TO command)
"""


@pytest.mark.parametrize(
    ("body", "fields", "status"),
    [
        (_EXIM, ("From: Mail Delivery System <Mailer-Daemon@x.example>", "X-Failed-Recipients: gone@x.example"), "5.1.1"),
        (_EXIM, ("From: Mail Delivery System <Mailer-Daemon@x.example>",), "5.1.1"),
        (_QMAIL, ("From: MAILER-DAEMON@x.example", "Return-Path: <>", "Subject: failure notice"), "5.1.1"),
        (_EXCHANGE, ("From: postmaster@x.example", "Subject: Undeliverable: Order", "Return-Path: <>"), "5.1.10"),
        (_PLAIN_POSTFIX, ("From: MAILER-DAEMON@x.example", "Subject: Undelivered Mail Returned to Sender"), "5.1.1"),
    ],
)  # fmt: skip
def test_bounces_in_words_are_read(body: str, fields: tuple[str, ...], status: str) -> None:
    """Servers that write no report are understood by their words."""
    read = read_mail(mail(body, *fields))
    assert read.kind == "bounce"
    assert read.bounce is not None
    assert [one.address for one in read.bounce.recipients] == ["gone@x.example"]
    assert (read.bounce.recipients[0].status, read.bounce.hard) == (status, True)
    if "Message-ID" in body:
        assert read.bounce.original_message_id == "<r.token.1@shop.example>"


def test_a_temporary_failure_in_words_is_soft() -> None:
    """A delay told in words does not count as a hard bounce."""
    body = "Your message could not be delivered yet:\n\n<a@x.example>: 451 4.7.1 try again later, refused\n"
    read = read_mail(mail(body, "From: MAILER-DAEMON@x.example", "Subject: Delivery delayed"))
    assert read.bounce is not None
    assert (read.bounce.recipients[0].status, read.bounce.hard) == ("4.7.1", False)


def test_a_bounce_without_any_address_is_still_one() -> None:
    """A bounce that names nobody is a bounce with nobody named."""
    read = read_mail(mail("it failed", "From: MAILER-DAEMON@x.example", "Subject: Undeliverable"))
    assert read.kind == "bounce"
    assert read.bounce is not None
    assert read.bounce.recipients == ()


def test_the_returned_mail_stays_attached() -> None:
    """Nothing of a bounce is lost: report and returned mail are listed."""
    read = read_mail(report("Final-Recipient: rfc822; a@b.example\nAction: failed"))
    assert [one.media_type for one in read.parts] == ["message/delivery-status", "message/rfc822"]
