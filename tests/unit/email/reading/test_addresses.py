"""Addresses are found however they are written."""

from __future__ import annotations

import pytest

from gateway_email.reading import read_mail
from gateway_email.reading.addresses import read_addresses
from tests.unit.email.reading.samples import mail


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@b.example", [("", "a@b.example")]),
        ("<a@b.example>", [("", "a@b.example")]),
        ("Jane Doe <a@B.Example>", [("Jane Doe", "a@b.example")]),
        ('"Doe, Jane" <a@b.example>', [("Doe, Jane", "a@b.example")]),
        ("Doe, Jane <a@b.example>", [("Doe, Jane", "a@b.example")]),
        ('"Jane \\"JD\\" Doe" <a@b.example>', [('Jane "JD" Doe', "a@b.example")]),
        ("a@b.example (Marc Smith)", [("Marc Smith", "a@b.example")]),
        ("Marc (a@b.example)", [("Marc", "a@b.example")]),
        ("a@b.example <Jane>", [("Jane", "a@b.example")]),
        ("Jane <a@b.example", [("Jane", "a@b.example")]),
        ("Jane a@b.example", [("Jane", "a@b.example")]),
        ("=?utf-8?q?Doe=2C_J=C3=A4ne?= <a@b.example>", [("Doe, Jäne", "a@b.example")]),
        ("=?utf-8?q?Doe,_Jane?= <a@b.example>", [("Doe, Jane", "a@b.example")]),
        ('"=?utf-8?q?J=C3=A4ne?=" <a@b.example>', [("Jäne", "a@b.example")]),
        ("a@b.example, c@d.example", [("", "a@b.example"), ("", "c@d.example")]),
        ("a@b.example; c@d.example", [("", "a@b.example"), ("", "c@d.example")]),
        ("a@b.example <a@b.example>", [("", "a@b.example")]),
        ("'a@b.example'", [("", "a@b.example")]),
        ("mailto:a@b.example", [("", "a@b.example")]),
        ("Jane <mailto:a@b.example>", [("Jane", "a@b.example")]),
        ("team: a@b.example, c@d.example;", [("", "a@b.example"), ("", "c@d.example")]),
        ("undisclosed-recipients:;", []),
        ("Undisclosed recipients", []),
        ("MAILER-DAEMON", [("", "MAILER-DAEMON")]),
        ("<@relay.example,@x.example:a@b.example>", [("", "a@b.example")]),
        ("Jane <a @ b.example>", [("Jane", "a@b.example")]),
        ("<<a@b.example>>", [("", "a@b.example")]),
        ('<"jane doe"@b.example>', [("", '"jane doe"@b.example')]),
        ("Jane <jäne@bücher.example>", [("Jane", "jäne@bücher.example")]),
        ("a@b.example.", [("", "a@b.example")]),
        ("<>", []),
        ("", []),
        (", ,,", []),
        ('"Jane <a@b.example>', [("Jane", "a@b.example")]),
        ("Jane (unfinished <a@b.example>", [("Jane (unfinished", "a@b.example")]),
        ("a (nested (comment) here) <a@b.example>", [("a", "a@b.example")]),
        ("Jane <a@b.example> <c@d.example>", [("Jane", "a@b.example"), ("", "c@d.example")]),
        ("x" * 400 + "@b.example", []),
    ],
)
def test_addresses_are_read(text: str, expected: list[tuple[str, str]]) -> None:
    """Every form met in real mail gives its name and its address (F6)."""
    assert expected == [(one.name, one.addr) for one in read_addresses(text)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (("From:", "Reply-To: r@x.example", "Sender: s@x.example"), "r@x.example"),
        (("From:", "Sender: s@x.example"), "s@x.example"),
        (("From: Jane", "Sender: s@x.example"), "Jane"),
        (("From: a@x.example", "Reply-To: r@x.example"), "a@x.example"),
    ],
)
def test_an_empty_from_gives_way(fields: tuple[str, ...], expected: str) -> None:
    """Reply-To and then Sender stand in for a From without an address (F6)."""
    read = read_mail(mail("hello", *fields))
    assert read.from_ is not None
    assert expected == read.from_.addr


def test_recipients_beyond_the_limit_are_told() -> None:
    """Of 600 recipients 500 are read, and the mail says so."""
    read = read_mail(mail("hello", "Cc: " + ", ".join(f"p{n}@x.example" for n in range(600))))
    assert len(read.cc) == 500
    assert read.warnings == ("only the first 500 addresses in cc were read",)
    assert read.complete


def test_where_it_was_delivered_is_kept() -> None:
    """Every field in which servers leave the envelope's recipient is read, each address once."""
    read = read_mail(
        mail(
            "hello",
            "Delivered-To: support+r.token@shop.example",
            "X-Original-To: <help@shop.example>",
            "Envelope-To: help@shop.example",
        )
    )
    assert [one.addr for one in read.delivered_to] == [
        "support+r.token@shop.example",
        "help@shop.example",
    ]
