"""The kind of a mail is told by its header and structure."""

from __future__ import annotations

import pytest

from gateway_email.reading import read_mail
from tests.unit.email.reading.samples import mail, multipart_mail, part


@pytest.mark.parametrize(
    ("fields", "body", "kind"),
    [
        ((), "hello", "person"),
        (("Auto-Submitted: no",), "hello", "person"),
        (("Auto-Submitted: auto-replied",), "thanks", "auto_reply"),
        (("Auto-Submitted: auto-replied (vacation)",), "thanks", "auto_reply"),
        (("Auto-Submitted: auto-generated",), "disk full", "notification"),
        (("Auto-Submitted: auto-notified",), "disk full", "notification"),
        (("Auto-Submitted: auto-replied", "Subject: Out of office: Order"), "x", "out_of_office"),
        (("Auto-Submitted: auto-generated", "Subject: Abwesenheitsnotiz"), "x", "out_of_office"),
        (("Auto-Submitted: auto-replied", "Subject: Re: Order"), "I am out of the office until", "out_of_office"),
        (("X-Autoreply: yes",), "x", "auto_reply"),
        (("X-Autoreply: no",), "x", "person"),
        (("X-Autorespond: Order",), "x", "auto_reply"),
        (("X-Autoresponder: vacation",), "x", "auto_reply"),
        (("X-Auto-Reply-From: a@b.example",), "x", "auto_reply"),
        (("X-Mail-Autoreply: yes",), "x", "auto_reply"),
        (("Precedence: auto_reply",), "x", "auto_reply"),
        (("X-Precedence: auto_reply",), "x", "auto_reply"),
        (("Precedence: bulk",), "x", "notification"),
        (("Precedence: junk",), "x", "notification"),
        (("Precedence: bulk", "List-Id: <news.x.example>"), "x", "list"),
        (("X-POST-MessageClass: 9; Autoresponder",), "x", "auto_reply"),
        (("Precedence: list",), "x", "list"),
        (("List-Id: <talk.x.example>",), "x", "list"),
        (("List-Unsubscribe: <mailto:u@x.example>",), "x", "person"),
        (("X-Auto-Response-Suppress: All",), "x", "person"),
        (("Subject: Automatic reply: Order",), "x", "auto_reply"),
        (("Subject: =?utf-8?q?R=C3=A9ponse_automatique_=3A_Order?=",), "x", "auto_reply"),
        (("Subject: Automatische Antwort: Order",), "x", "auto_reply"),
        (("Subject: Respuesta automática: Order",), "x", "auto_reply"),
        (("Subject: Risposta automatica: Order",), "x", "auto_reply"),
        (("Subject: Automatisch antwoord: Order",), "x", "auto_reply"),
        (("Subject: Autosvar: Order",), "x", "auto_reply"),
        (("Subject: Автоматический ответ: Order",), "x", "auto_reply"),
        (("Subject: 自动回复: Order",), "x", "auto_reply"),
        (("Subject: 自動返信: Order",), "x", "auto_reply"),
        (("Subject: Automatic reply: out of office until Monday",), "x", "out_of_office"),
        (("Subject: Out of Office",), "x", "out_of_office"),
        (("Subject: Afwezig: tot maandag",), "x", "out_of_office"),
        (("Subject: Re: Out of office printer",), "x", "person"),
        (("Subject: Autoreply feature is broken in your app",), "x", "auto_reply"),
        (("From: MAILER-DAEMON@x.example", "Subject: Undelivered Mail Returned to Sender"), "x", "bounce"),
        (("From: postmaster@x.example", "Subject: Question"), "about our contract", "person"),
        (("Return-Path: <>", "Subject: Delivery Status Notification (Failure)"), "x", "bounce"),
        (("Return-Path: <>", "Subject: Order"), "hello", "person"),
        (("Auto-Submitted: auto-replied", "From: Mail Delivery <mailer-daemon@x.example>"), "could not be delivered", "bounce"),
        (("X-Failed-Recipients: a@b.example",), "x", "bounce"),
        (("X-HmXmrOriginalRecipient: a@b.example",), "x", "feedback"),
    ],
)  # fmt: skip
def test_kinds_by_header(fields: tuple[str, ...], body: str, kind: str) -> None:
    """Each rule finds its kind, and the exceptions stay a person's mail."""
    assert read_mail(mail(body, *fields)).kind == kind


@pytest.mark.parametrize(
    ("report", "kind"),
    [
        ("feedback-report", "feedback"),
        ("disposition-notification", "notification"),
        ("delivery-status", "bounce"),
    ],
)
def test_kinds_by_report_type(report: str, kind: str) -> None:
    """A multipart/report is what its report-type says (RFC 6522)."""
    raw = multipart_mail("report", part("words"), part("Final-Recipient: rfc822;a@b.example\nAction: failed", f"Content-Type: message/{report}"), extra=f"; report-type={report}")  # fmt: skip
    assert read_mail(raw).kind == kind


def test_a_receipt_within_a_mixed_mail_is_found() -> None:
    """A report part counts also where the whole is not called a report."""
    raw = multipart_mail("mixed", part("words"), part("Disposition: x", "Content-Type: message/disposition-notification"))  # fmt: skip
    assert read_mail(raw).kind == "notification"


@pytest.mark.parametrize(
    "field",
    [
        "Precedence: list",
        "Precedence: bulk",
        "List-Id: <a.x.example>",
        "List-Unsubscribe: <mailto:u@x.example>",
        "Feedback-ID: 1:2:3",
        "X-Auto-Response-Suppress: All",
        "X-Auto-Response-Suppress: DR, AutoReply",
        "X-Auto-Response-Suppress: OOF, AutoReply",
        "Return-Path: <>",
        "X-Gateway-Loop: instance-1",
        "Auto-Submitted: auto-generated",
    ],
)
def test_no_automatic_answer_to(field: str) -> None:
    """Each sign that forbids an automatic answer is seen and named (RFC 3834 §2)."""
    read = read_mail(mail("hello", field))
    assert read.suppress_auto_answer
    assert read.reasons


def test_a_person_may_be_answered() -> None:
    """An ordinary mail gives no reason to stay silent; `Auto-Submitted: no` neither."""
    read = read_mail(mail("hello", "Auto-Submitted: no", "Return-Path: <jane@customer.example>"))
    assert (read.suppress_auto_answer, read.reasons) == (False, ())


def test_what_loop_protection_needs_is_read() -> None:
    """Our own loop field, the hops and the return path are told."""
    read = read_mail(
        mail(
            "x",
            "X-Gateway-Loop: one",
            "X-Gateway-Loop: two",
            "Received: a",
            "Received: b",
            "Return-Path: <jane@X.example>",
        )
    )
    assert (read.loop_tokens, read.received_count) == (("one", "two"), 2)
    assert read.return_path == "jane@x.example"
    assert read_mail(mail("x")).return_path is None
    assert read_mail(mail("x", "Return-Path: <>")).return_path == ""
