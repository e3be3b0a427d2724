"""Composed mails, read back with the standard library as a stranger would."""

from __future__ import annotations

import email
import email.policy
import re
import string
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_email.sending import (
    OUTGOING,
    ComposeError,
    Outgoing,
    OutgoingFile,
    Party,
    compose,
    envelope_of,
    safe_text,
    wire_address,
)
from gateway_email.sending.compose import kept_references

LONG_ID = "<AM0PR04MB4567A1B2C3D4E5F60718293A4B5C6D7E8F9A0B1C2D3E4F5@AM0PR04MB4567.eurprd04.prod.outlook.com>"


def outgoing(**changes: Any) -> Outgoing:
    """Return a mail to compose, with changes."""
    given: dict[str, Any] = {
        "sender": Party(address="help@example.org", name="Ann of Support"),
        "to": (Party(address="kim@example.net", name="Kim"),),
        "subject": "Printer on fire",
        "message_id": "<r.abc.1@example.org>",
        "date": 1795251600000,
        "text": "We are on our way.\n",
    }
    return Outgoing(**(given | changes))


def read(raw: bytes) -> EmailMessage:
    """Read a mail back."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def header(raw: bytes, name: str) -> str:
    """Return a header's value, decoded and on one line, by the older and stricter of the two readers."""
    value = email.message_from_bytes(raw)[name] or ""
    return str(make_header(decode_header(re.sub(r"\r?\n(?=[ \t])", "", value))))


def test_a_plain_answer() -> None:
    """A short answer is a plain text mail with exactly these headers."""
    assert compose(
        outgoing(
            reply_to=Party(address="help+r.tok@example.org"),
            in_reply_to="<q@example.net>",
            references=("<p@example.net>", "<q@example.net>"),
        )
    ) == (
        b"From: Ann of Support <help@example.org>\r\n"
        b"To: Kim <kim@example.net>\r\n"
        b"Reply-To: help+r.tok@example.org\r\n"
        b"Subject: Printer on fire\r\n"
        b"Date: Sat, 21 Nov 2026 09:00:00 +0000\r\n"
        b"Message-ID: <r.abc.1@example.org>\r\n"
        b"In-Reply-To: <q@example.net>\r\n"
        b"References: <p@example.net> <q@example.net>\r\n"
        b'Content-Type: text/plain; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"MIME-Version: 1.0\r\n"
        b"\r\n"
        b"We are on our way.\r\n"
    )


def test_the_same_input_is_the_same_mail() -> None:
    """A repetition is equal to the octet, boundaries included; another mail has others."""
    mail = outgoing(html="<p>x</p>", files=(OutgoingFile(name="a", data=b"a"),))
    assert compose(mail) == compose(mail)
    boundaries = [
        read(compose(one)).get_boundary()
        for one in (mail, outgoing(html="x", message_id="<r.abc.2@example.org>"))
    ]
    assert len(set(boundaries)) == 2


def test_long_identifiers_stay_whole() -> None:
    """Identifiers of any length stand unencoded and unbroken, one a line where they are long."""
    raw = compose(
        outgoing(
            in_reply_to=LONG_ID, references=(LONG_ID.replace("AM0", "AM1"), "<short@example.net>")
        )
    )
    assert b"In-Reply-To: " + LONG_ID.encode() + b"\r\n" in raw
    assert [LONG_ID.replace("AM0", "AM1"), "<short@example.net>", LONG_ID] == header(
        raw, "References"
    ).split()
    assert b"=?" not in raw


def test_the_policy_alone_keeps_identifiers() -> None:
    """Any mail under our policy has correct identifiers and subject, not only composed ones."""
    message = EmailMessage(policy=OUTGOING)
    message["References"] = f"{LONG_ID}\r\n {LONG_ID}"
    message["Message-ID"] = LONG_ID
    message["Subject"] = "Ärger\r\nBcc: evil@example.net"
    raw = message.as_bytes()
    assert f"{LONG_ID} {LONG_ID}" == message["References"]
    assert b"References: " + LONG_ID.encode() + b"\r\n " + LONG_ID.encode() + b"\r\n" in raw
    assert (header(raw, "Subject"), read(raw)["Bcc"]) == ("Ärger Bcc: evil@example.net", None)


def test_references_are_kept_short() -> None:
    """Of many references the first and the last nineteen stay, each once, the one answered to at the end."""
    many = [f"<{place}@m>" for place in range(40)]
    assert ["<0@m>", *many[22:], "<x@m>"] == kept_references([*many, "<5@m>"], "<x@m>")
    assert kept_references(["<b@m> <a@m>", "prose", "<b@m>"], "<b@m>") == ["<a@m>", "<b@m>"]
    assert len(kept_references(many, "")) == 20
    assert kept_references(["<é@m>", "<a b@m>", "<" + "x" * 1000 + ">"], "") == []


@pytest.mark.parametrize(
    "subject",
    [
        "Re: Frösche und Kröten " * 8,
        "日本語の件名" * 20,
        "  two  blanks ",
        "x" * 2000,
        "wörd " + "y" * 300,
        "ends with =?utf-8?q?half",
        "emoji 👩‍👩‍👧‍👦" * 12,
    ],
)
def test_subjects_come_back(subject: str) -> None:
    """Long and foreign subjects read back as they were, blanks between words included."""
    raw = compose(outgoing(subject=subject))
    assert " ".join(subject.split()) == header(raw, "Subject")
    assert all(len(line) <= 78 for line in raw.split(b"\r\n") if b"=?utf-8" in line)


@pytest.mark.parametrize(
    "nasty",
    [
        "Re: =?utf-8?q?hello=0D=0ABcc:_x=40evil?=",
        "Re: =?utf-8?b?aGVsbG8NCkJjYzogeEBldmls?=",
        "Re: hello\r\nBcc: x@evil",
        "Re: hello\nBcc: x@evil",
        "Re: hello\rBcc: x@evil",
        "Re: hello\x00\x0b\x0cBcc: x@evil",
        "Re: hello\u2028Bcc: x@evil",
        "Re: hello\x85Bcc: x@evil",
        "Re: =?utf-8?q?hello=E2=80=A8Bcc:_x=40evil?=",
    ],
)
def test_no_header_can_be_smuggled_in(nasty: str) -> None:
    """A line break, plain or hidden in an encoded word, becomes a blank wherever the text is used."""
    raw = compose(
        outgoing(
            subject=nasty,
            sender=Party(address="help@example.org", name=nasty),
            to=(Party(address="kim@example.net", name=nasty),),
            files=(OutgoingFile(name=nasty, data=b"x"),),
            automatic="auto-generated",
            loop_id=nasty,
        )
    )
    assert header(raw, "Subject") == "Re: hello Bcc: x@evil"
    assert None is read(raw)["Bcc"]
    assert b"\r\nBcc" not in raw
    assert b"\nBcc" not in raw.replace(b"\r\n", b"")


def test_unreadable_encoded_words_stay_text() -> None:
    """An encoded word in no known charset is shown as it stands, not decoded by the reader."""
    raw = compose(outgoing(subject="=?x-nope?q?hi=0D=0ABcc:_x?="))
    assert header(raw, "Subject") == "=?x-nope?q?hi=0D=0ABcc:_x?="


@pytest.mark.parametrize(
    "name",
    [
        'Müller, "Kim" <x@evil>',
        "Kim (R&D); a@b.example",
        "Kim",
        "",
        "日本 太郎" * 20,
        "a\\b",
        "=?utf-8?q?x?=é",
        "K" * 150,
    ],
)
def test_names_come_back(name: str) -> None:
    """Names with any sign stay one name before one address."""
    raw = compose(
        outgoing(to=(Party(address="kim@example.net", name=name), Party(address="b@example.net")))
    )
    (shown, first), (_, second) = getaddresses([email.message_from_bytes(raw)["To"]])
    assert safe_text(name, limit=200) == str(make_header(decode_header(shown)))
    assert (first, second) == ("kim@example.net", "b@example.net")


def test_many_recipients_are_folded() -> None:
    """Five hundred recipients stay readable and no line grows too long."""
    people = tuple(
        Party(address=f"p{place}@example.net", name=f"Person Nr. {place}") for place in range(500)
    )
    raw = compose(outgoing(cc=people))
    assert [party.address for party in people] == [
        one.addr_spec for one in read(raw)["Cc"].addresses
    ]
    assert all(len(line) <= 76 for line in raw.split(b"\r\n"))


def test_text_html_images_and_files() -> None:
    """Text comes first, html beside it, images with the html, the rest attached; all lines stay short."""
    raw = compose(
        outgoing(
            text="Grüße\r\nfrom\rus\x00" + "l" * 500,
            html='<p>Grüße <img src="cid:logo@x"></p>',
            files=(
                OutgoingFile(
                    name="logo.png",
                    media_type="image/png",
                    data=b"\x89PNG",
                    content_id="logo@x",
                    inline=True,
                ),
                OutgoingFile(
                    name="unused.png",
                    media_type="image/png",
                    data=b"u",
                    content_id="other@x",
                    inline=True,
                ),
                OutgoingFile(
                    name="../Rechnung März.pdf", media_type="application/pdf", data=b"%PDF" * 100
                ),
                OutgoingFile(
                    name="mail.eml", media_type="message/rfc822", data=b"Subject: x\r\n\r\ny"
                ),
                OutgoingFile(name="", media_type="nonsense", data=b""),
            ),
        )
    )
    message = read(raw)
    assert [(part.get_content_type(), part.get_filename()) for part in message.walk()] == [
        ("multipart/mixed", None),
        ("multipart/alternative", None),
        ("text/plain", None),
        ("multipart/related", None),
        ("text/html", None),
        ("image/png", "logo.png"),
        ("image/png", "unused.png"),
        ("application/pdf", "_Rechnung März.pdf"),
        ("application/octet-stream", "mail.eml"),
        ("application/octet-stream", "attachment"),
    ]
    parts = list(message.walk())
    assert (
        parts[2].get_content().replace("\r\n", "\n").rstrip("\n")
        == "Grüße\nfrom\nus\ufffd" + "l" * 500
    )
    assert (
        parts[5]["Content-ID"],
        parts[5].get_content_disposition(),
        parts[5].get_content(),
    ) == ("<logo@x>", "inline", b"\x89PNG")
    assert [part.get_content_disposition() for part in parts[6:]] == ["attachment"] * 4
    assert parts[7].get_content() == b"%PDF" * 100
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))
    assert raw.isascii()


def test_html_alone_with_an_image() -> None:
    """Without html an image is an ordinary attachment."""
    file = OutgoingFile(
        name="a.png", media_type="image/png", data=b"x", content_id="a", inline=True
    )
    assert [part.get_content_type() for part in read(compose(outgoing(files=(file,)))).walk()] == [
        "multipart/mixed",
        "text/plain",
        "image/png",
    ]


def test_automatic_mail_says_so() -> None:
    """Automatic mail carries all that keeps other machines from answering; a person's carries none of it."""
    message = read(compose(outgoing(automatic="auto-replied", loop_id="gw-1")))
    names = ("Auto-Submitted", "X-Auto-Response-Suppress", "X-Gateway-Loop")
    assert [message[name] for name in names] == ["auto-replied", "All", "gw-1"]
    message = read(compose(outgoing(loop_id="gw-1")))
    assert [message[name] for name in (*names, "Precedence")] == [None, None, None, None]


def test_addresses_beyond_ascii() -> None:
    """A domain is written in ASCII; a local part beyond ASCII makes the headers UTF-8 (RFC 6532)."""
    assert (
        read(compose(outgoing(to=(Party(address="zo@exämple.net"),))))["To"]
        == "zo@xn--exmple-cua.net"
    )
    raw = compose(outgoing(to=(Party(address="zoë@example.net", name="Zoë"),)))
    assert "<zoë@example.net>\r\n".encode() in raw
    assert b"Subject: Printer on fire\r\n" in raw


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"to": ()}, "no recipient"),
        ({"to": (Party(address="nobody"),)}, "before and after one @"),
        ({"to": (Party(address="a@b\r\nBcc: x@evil"),)}, "control characters"),
        ({"cc": (Party(address="a@b, c@d"),)}, "one address alone"),
        ({"cc": (Party(address="<a@b.example>"),)}, "domain holds characters"),
        ({"cc": (Party(address='"a" b"@c.example'),)}, "one address alone"),
        ({"sender": Party(address="x" * 65 + "@example.org")}, "too long"),
        ({"message_id": "no brackets"}, "is no Message-ID"),
        ({"message_id": "<a@b>\r\nBcc: x"}, "is no Message-ID"),
        ({"message_id": "<nodomain>"}, "is no Message-ID"),
    ],
)
def test_what_cannot_be_composed(changes: dict[str, Any], words: str) -> None:
    """What would not arrive, or arrive elsewhere, is refused with a sentence."""
    with pytest.raises(ComposeError, match=words):
        compose(outgoing(**changes))


@pytest.mark.parametrize(
    ("given", "wire"),
    [
        ("a@b.example.", "a@b.example"),
        (" a@b.example ", "a@b.example"),
        ("a..b@docomo.example", '"a..b"@docomo.example'),
        ("a b@x.example", '"a b"@x.example'),
        ('"a b"@x.example', '"a b"@x.example'),
        ("a@[127.0.0.1]", "a@[127.0.0.1]"),
        ("o'hara+x=1@x.example", "o'hara+x=1@x.example"),
    ],
)
def test_odd_addresses_can_be_written_to(given: str, wire: str) -> None:
    """Addresses that exist though no standard likes them are quoted, not refused."""
    assert wire == wire_address(given)


def test_the_envelope() -> None:
    """Each recipient is named once, and bounces go to the envelope sender or nowhere."""
    people = (
        Party(address="a@example.net"),
        Party(address="a@example.net"),
        Party(address="b@exämple.net"),
    )
    mail = outgoing(to=people[:2], cc=people[1:], envelope_from="bounce+1@example.org")
    assert envelope_of(mail) == ("bounce+1@example.org", ("a@example.net", "b@xn--exmple-cua.net"))
    assert envelope_of(outgoing())[0] == ""


ORDER = ["From", "To", "Subject", "Date", "Message-ID", "Content-Type", "MIME-Version"]
TEXTS = st.text(st.characters(), max_size=300) | st.text(
    st.sampled_from(string.printable + "=?äß\u2028\x85\ud800"), max_size=200
)


@settings(max_examples=150, deadline=None)
@given(subject=TEXTS, name=TEXTS, text=TEXTS, file=TEXTS)
def test_any_text_can_be_sent(subject: str, name: str, text: str, file: str) -> None:
    """Whatever is put into subject, name, text and file name, the mail has our headers only and short lines."""
    raw = compose(
        outgoing(
            subject=subject,
            to=(Party(address="kim@example.net", name=name),),
            text=text,
            files=(OutgoingFile(name=file, data=b"x"),),
        )
    )
    message = email.message_from_bytes(raw)
    named = ["Subject"] if safe_text(subject) else []
    assert ["From", "To", *named, "Date", "Message-ID", "Content-Type", "MIME-Version"] == sorted(
        message.keys(), key=ORDER.index
    )
    assert safe_text(subject) == header(raw, "Subject")
    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
