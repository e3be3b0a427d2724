"""What a file is by its bytes, and in which language a text is written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.connectors import TenantSettings
from gateway.config.policies import RedactionSettings
from gateway.core.policies import CorePolicies, language_of
from gateway.core.sniffing import sniff
from gateway.domain.message import Author, Message


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0..JFIF", "image/jpeg"),
        (b"GIF89a....", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"PK\x03\x04....", "application/zip"),
        (b"MZ\x90\x00", "application/vnd.microsoft.portable-executable"),
        (b"\x7fELF\x02", "application/x-elf"),
        (b"#!/bin/sh\n", "text/x-script"),
        (b"  \n<!DOCTYPE HTML><html>", "text/html"),
        (b"<ScRiPt>alert(1)</script>", "text/html"),
        (b'<?xml version="1.0"?>\n<svg xmlns="x">', "image/svg+xml"),
        (b"<SVG onload=x>", "image/svg+xml"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        (b"\x00\x00\x00\x18ftypisom", "video/mp4"),
        (b"\x78\x9f\x3e\x22", "application/ms-tnef"),
        (b"just a text", ""),
        (b'<?xml version="1.0"?><feed/>', ""),
        (b"", ""),
        (b"PK", ""),
    ],
)
def test_what_the_bytes_show(head: bytes, media_type: str) -> None:
    """A file is known by its first bytes, whatever its sender calls it."""
    assert media_type == sniff(head)


@given(st.binary(max_size=300))
def test_any_bytes_are_answered(head: bytes) -> None:
    """Nothing is raised, and what is answered is a media type or nothing."""
    found = sniff(head)
    assert found == "" or found.count("/") == 1


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The printer is on fire and nobody comes to help us here.", "en"),
        ("Der Drucker brennt und niemand kommt, um uns hier zu helfen.", "de"),
        ("L'imprimante est en feu et personne ne vient nous aider.", "fr"),
        ("La impresora está ardiendo y nadie viene a ayudarnos.", "es"),
        ("La stampante è in fiamme e nessuno viene ad aiutarci.", "it"),
        ("De printer staat in brand en niemand komt ons helpen.", "nl"),
        ("A impressora está em chamas e ninguém vem nos ajudar.", "pt"),
        ("Drukarka się pali i nikt nie przychodzi nam pomóc.", "pl"),
        ("Принтер горит, и никто не приходит нам на помощь.", "ru"),
        ("プリンターが燃えていますが、誰も助けに来ません。早くしてください。", "ja"),
        ("ok thanks", ""),
        ("12345 67890 12345 67890 !!!", ""),
        ("", ""),
    ],
)
def test_language_of_a_text(text: str, language: str) -> None:
    """The language of a sentence is told; of a word or two nothing is claimed."""
    assert language == language_of(text)


def message(text: str, **fields: Any) -> Message:
    """A message as it comes in."""
    return Message(
        id=1, tenant=fields.pop("tenant", "default"), conversation=0, seq=0, direction="in",
        author=Author(kind="customer"), text=text, received_at=0, recorded_at=0, **fields,
    )  # fmt: skip


async def test_language_that_is_known_is_not_guessed() -> None:
    """What a channel says of the language stands."""
    policies = CorePolicies(RedactionSettings(), {})
    assert None is await policies.enrich_message(message("Der Drucker brennt sehr", language="en"))


async def test_cards_are_redacted_for_whom_the_policy_names() -> None:
    """Each audience of the policy sees black, a tenant's own policy goes first."""
    tenants = {"acme": TenantSettings(redaction=RedactionSettings(card_numbers=()))}
    policies = CorePolicies(RedactionSettings(card_numbers=("forward",)), tenants)
    paid = message("4111 1111 1111 1111", subject="4111111111111111", quoted="> 4111-1111-1111-1111",
                   html="<p>4111&nbsp;1111&nbsp;1111&nbsp;1111</p>")  # fmt: skip
    redacted = await policies.redact_message(paid, "forward")
    assert isinstance(redacted, Message)
    shown = (redacted.subject, redacted.text, redacted.quoted, redacted.html)
    card = "[card …1111]"
    assert (card, card, f"> {card}", f"<p>{card}</p>") == shown
    assert None is await policies.redact_message(paid, "store")
    assert None is await policies.redact_message(
        message("4111111111111111", tenant="acme"), "forward"
    )
