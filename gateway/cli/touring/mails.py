"""The mails of the tour."""

from __future__ import annotations

import struct
from email.message import EmailMessage
from email.policy import SMTP

DESK = "support@example.com"
BORDER = "mx.example.com"
ANN = "Ann Müller <ann@example.net>"
BOB = "Bob <bob@example.org>"
EVE = "Eve <eve@elsewhere.example>"


def _mail(
    sender: str, subject: str, identifier: str, text: str, *, to: str = DESK, **headers: str
) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    domain = sender.rpartition("@")[2].rstrip(">")
    # What the border of the receiving side writes; mail servers do this, not senders.
    mail["Authentication-Results"] = f"{BORDER}; dmarc=pass header.from={domain}"
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Message-ID"] = f"<{identifier}@{domain}>"
    mail["Date"] = "Sun, 22 Nov 2026 09:00:00 +0100"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


def new_request() -> bytes:
    """A customer's first mail, with a card number that must not travel."""
    return _mail(
        ANN, "Drucker druckt nicht", "new-1",
        "Guten Tag,\n\nmein Drucker druckt seit gestern nicht mehr, die Rechnung habe ich mit der "
        "Karte 4111 1111 1111 1111 bezahlt. Können Sie mir bitte helfen?\n\n"
        "Viele Grüße\nAnn Müller\n\n-- \nAnn Müller, Beispiel GmbH\n",
    ).as_bytes()  # fmt: skip


def answer(reply_to: str, message_id: str) -> bytes:
    """The customer's answer to the agent, with what was quoted below."""
    return _mail(
        ANN, "Re: Drucker druckt nicht", "answer-1",
        "Danke, das hat leider nicht geholfen.\n\n"
        "Am So., 22. Nov. 2026 um 09:05 Uhr schrieb Support <support@example.com>:\n"
        "> Bitte schalten Sie den Drucker aus und wieder ein.\n",
        to=reply_to, In_Reply_To=message_id, References=f"<new-1@example.net> {message_id}",
    ).as_bytes()  # fmt: skip


def forwarded() -> bytes:
    """A forwarded thread with quotes in two languages."""
    return _mail(
        BOB, "Fwd: Commande 4711 / Bestellung 4711", "fwd-1",
        "Can you look into this? Our branch in Lyon has been waiting for two weeks.\n\n"
        "---------- Forwarded message ---------\nFrom: Claire <claire@example.fr>\n"
        "Date: Fri, 20 Nov 2026 at 10:12\nSubject: Re: Commande 4711\nTo: <bob@example.org>\n\n"
        "Bonjour, toujours rien reçu.\n\n"
        "Le jeu. 19 nov. 2026 à 16:40, Dieter <dieter@example.de> a écrit :\n"
        "> Die Bestellung ist gestern verschickt worden.\n>\n"
        "> Am Mi., 18. Nov. 2026 um 11:03 Uhr schrieb Claire <claire@example.fr>:\n"
        ">> Où en est notre commande ?\n",
    ).as_bytes()  # fmt: skip


def out_of_office(message_id: str) -> bytes:
    """A machine's answer: it opens nothing, and gets no answer."""
    return _mail(
        ANN, "Abwesenheitsnotiz: Re: Drucker druckt nicht", "ooo-1",
        "Ich bin bis zum 30. November nicht im Büro.\n",
        In_Reply_To=message_id, Auto_Submitted="auto-replied",
    ).as_bytes()  # fmt: skip


def bounce(envelope_from: str, message_id: str) -> bytes:
    """A mail server's report that an answer could not be delivered (RFC 3464)."""
    return f"""\
From: Mail Delivery System <MAILER-DAEMON@mx.example.org>
To: {envelope_from}
Subject: Undelivered Mail Returned to Sender
Message-ID: <bounce-1@mx.example.org>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain

The mail could not be delivered: 550 5.1.1 no such user bob
--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; bob@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user bob

--b1
Content-Type: text/rfc822-headers

Message-ID: {message_id}
Subject: Re: Fwd: Commande 4711

--b1--
""".replace("\n", "\r\n").encode()


def winmail() -> bytes:
    """A mail whose files are packed as Outlook packs them."""
    mail = _mail(BOB, "The report you asked for", "tnef-1", "Please see the attached report.\n")
    mail.add_attachment(
        _tnef("report.txt", b"all is well\n"), maintype="application", subtype="ms-tnef",
        filename="winmail.dat",
    )  # fmt: skip
    return mail.as_bytes()


def stranger(reply_to: str, message_id: str) -> bytes:
    """Somebody who got hold of a reply address, by a forwarded mail for instance."""
    return _mail(
        EVE, "Re: Drucker druckt nicht", "eve-1",
        "Please send me everything that was said so far.\n", to=reply_to, In_Reply_To=message_id,
    ).as_bytes()  # fmt: skip


def _tnef(name: str, data: bytes) -> bytes:
    """A TNEF stream with one file (MS-OXTNEF)."""

    def attribute(level: int, kind: int, value: bytes) -> bytes:
        head = struct.pack("<BII", level, kind, len(value))
        return head + value + struct.pack("<H", sum(value) & 0xFFFF)

    return b"".join(
        (
            struct.pack("<IH", 0x223E9F78, 1),
            attribute(1, 0x00089006, struct.pack("<I", 0x00010000)),
            attribute(1, 0x00069007, struct.pack("<II", 1252, 0)),
            attribute(2, 0x00069002, struct.pack("<HIHHI", 1, 0xFFFFFFFF, 0, 0, 0)),
            attribute(2, 0x00018010, name.encode() + b"\0"),
            attribute(2, 0x0006800F, data),
        )
    )
