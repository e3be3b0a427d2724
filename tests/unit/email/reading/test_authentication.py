"""Only our own border's results about the sender count."""

from __future__ import annotations

import pytest

from gateway_email.reading import AuthVerdict, read_mail
from tests.unit.email.reading.samples import mail

_OURS = "Authentication-Results: mx.shop.example; spf=pass smtp.mailfrom=x.example; dkim=pass header.d=X.example header.s=s; dmarc=pass header.from=customer.example"  # fmt: skip
_FORGED = (
    "Authentication-Results: mx.shop.example; dmarc=pass; spf=pass; dkim=pass header.d=bank.example"
)


def verdict(*fields: str, trusted: tuple[str, ...] = ("MX.shop.example",)) -> AuthVerdict:
    """Return what is believed of a mail with ``fields`` on top."""
    raw = b"\r\n".join(field.encode() for field in fields) + b"\r\n" + mail("hello")
    return read_mail(raw, trusted_authserv_ids=trusted).auth


def test_results_of_our_border_are_read() -> None:
    """All three verdicts and the signing domain are read."""
    assert verdict(_OURS) == AuthVerdict(
        spf="pass",
        dkim="pass",
        dmarc="pass",
        authserv_id="mx.shop.example",
        dkim_domains=("x.example",),
    )


def test_nobody_is_trusted_by_default() -> None:
    """Without configured identifiers nothing is believed."""
    assert verdict(_OURS, trusted=()) == AuthVerdict()


def test_strangers_are_not_believed() -> None:
    """Another server's results do not count, whatever they say."""
    assert verdict(_FORGED.replace("mx.shop", "mx.evil")) == AuthVerdict()
    assert verdict(_FORGED.replace("mx.shop.example", "mx.shop.example.evil")) == AuthVerdict()


def test_what_the_sender_wrote_below_our_line_is_not_believed() -> None:
    """A forged field below our server's Received line adds nothing to what we found out."""
    ours = "Authentication-Results: mx.shop.example; spf=fail smtp.mailfrom=x.example"
    found = verdict(ours, "Received: from evil by mx.shop.example", _FORGED)
    assert (found.spf, found.dkim, found.dmarc) == ("fail", "none", "none")


def test_our_results_may_stand_below_received() -> None:
    """Large providers put their results below their own Received lines."""
    found = verdict(
        "Received: by store", "X-Received: by store", _OURS, "Received: from evil", _FORGED
    )
    assert (found.dmarc, found.dkim_domains) == ("pass", ("x.example",))


def test_the_topmost_result_of_a_method_counts() -> None:
    """Of two fields the upper one wins; what it does not say the lower one may."""
    found = verdict("Authentication-Results: mx.shop.example; dmarc=fail", _FORGED)
    assert (found.dmarc, found.spf) == ("fail", "pass")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "mx.shop.example; dkim=fail header.d=a; dkim=pass header.d=b.example",
            ("none", "pass", "none"),
        ),
        ("mx.shop.example 1; SPF=Pass (x; dmarc=pass) smtp.mailfrom=a", ("pass", "none", "none")),
        ("mx.shop.example; none", ("none", "none", "none")),
        ("mx.shop.example; spf=softfail; dmarc=hardfail", ("softfail", "none", "fail")),
        ("mx.shop.example; spf=wonderful; dkim=temperror", ("none", "temperror", "none")),
        ('mx.shop.example; dmarc=fail reason="x; spf=pass"', ("none", "none", "fail")),
        ("(comment) mx.shop.example; dkim/1=pass", ("none", "pass", "none")),
        ("mx.shop.example", ("none", "none", "none")),
        ("", ("none", "none", "none")),
        ("; ; ;", ("none", "none", "none")),
    ],
)
def test_every_way_of_writing_it(value: str, expected: tuple[str, str, str]) -> None:
    """Comments, quotes, versions and unknown results are understood (RFC 8601 §2.2)."""
    found = verdict(f"Authentication-Results: {value}")
    assert (found.spf, found.dkim, found.dmarc) == expected


def test_dmarc_speaks_of_the_sender_shown() -> None:
    """A DMARC result that names another domain, or a mail with two senders, vouches for nobody."""
    field = "Authentication-Results: mx.shop.example; dmarc=pass header.from=other.example"
    assert "none" == verdict(field).dmarc
    two = (
        b"From: a@x.example, b@x.example\r\n"
        + _OURS.replace("customer.example", "x.example").encode()
    )
    raw = two + b"\r\nTo: support@shop.example\r\n\r\nhello"
    assert "none" == read_mail(raw, trusted_authserv_ids=("mx.shop.example",)).auth.dmarc
