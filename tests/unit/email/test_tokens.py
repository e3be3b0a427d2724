"""Reply tokens in addresses and Message-IDs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_email.tokens import (
    FoundMessageId,
    ReplyAddresses,
    message_id_with,
    our_message_id,
    tokens_in,
)

PLUS = ReplyAddresses(mailbox="Support@Example.com")
MINUS = ReplyAddresses(mailbox="support@example.com", separator="-")
CATCH_ALL = ReplyAddresses(mailbox="support@example.com", catch_all="reply.example.com")
TOKENS = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("addresses", "built"),
    [
        (PLUS, "Support+r.abc234@Example.com"),
        (MINUS, "support-r.abc234@example.com"),
        (CATCH_ALL, "r.abc234@reply.example.com"),
    ],
)
def test_the_three_forms(addresses: ReplyAddresses, built: str) -> None:
    """Each form is built as configured and found again, in any letter case and with brackets."""
    assert built == addresses.with_token("abc234")
    for seen in (built, built.upper(), built.lower(), f" <{built}> "):
        assert addresses.token_in(seen) == "abc234"


@given(TOKENS)
def test_any_token_comes_back(token: str) -> None:
    """What is embedded is found."""
    assert {token} == {
        one.token_in(one.with_token(token).upper()) for one in (PLUS, MINUS, CATCH_ALL)
    }


@pytest.mark.parametrize(
    "address",
    [
        "support@example.com",
        "support+abc@example.com",
        "support+r.@example.com",
        "support+r.abc1@example.com",
        "support+r.abc@example.net",
        "other+r.abc@example.com",
        "support-r.abc@example.com",
        "xsupport+r.abc@example.com",
        "support+r.abc.def@example.com",
        "support+r.abc",
        "",
        "support+r.abc@example.com@evil.example",
        "support+r.äbc@example.com",
        "r.abc@reply.example.com",
    ],
)
def test_what_carries_no_token(address: str) -> None:
    """Other mailboxes, other domains and other forms carry none for us."""
    assert None is PLUS.token_in(address)


def test_tokens_of_several_addresses() -> None:
    """All recipients are looked at, for all mailboxes, each token once and in order."""
    seen = (
        "x@y.example",
        "r.bbb@reply.example.com",
        "support-r.aaa@example.com",
        "SUPPORT-R.AAA@example.com",
    )
    assert tokens_in(seen, [PLUS, MINUS, CATCH_ALL]) == ("bbb", "aaa")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("support@example.com", True),
        ("SUPPORT+anything@example.com", True),
        ("<support@example.com>", True),
        ("supporter@example.com", False),
        ("support@example.net", False),
        ("support-x@example.com", False),
    ],
)
def test_what_reaches_the_mailbox(address: str, expected: bool) -> None:
    """The mailbox itself and its extensions are ours, its neighbours are not."""
    assert expected is PLUS.owns(address)
    assert CATCH_ALL.owns("whatever@Reply.example.com")


@pytest.mark.parametrize("token", ["", "ABC", "a b", "a1", "a@b", "a\r\nb"])
def test_only_base32_is_embedded(token: str) -> None:
    """A token of other signs would not survive, or break out."""
    with pytest.raises(ValueError, match="a-z and the digits 2-7"):
        PLUS.with_token(token)
    with pytest.raises(ValueError, match="a-z and the digits 2-7"):
        message_id_with(token, "1", "example.com")


def test_too_long_a_local_part() -> None:
    """Over 64 octets before the @ mail servers refuse; the text says what to do."""
    assert (
        len(
            ReplyAddresses(mailbox="s" * 20 + "@example.com")
            .with_token("a" * 41)
            .rpartition("@")[0]
        )
        == 64
    )
    with pytest.raises(ValueError, match=r"65 octets.*shorter name or a catch-all"):
        ReplyAddresses(mailbox="s" * 20 + "@example.com").with_token("a" * 42)


def test_message_ids() -> None:
    """Our Message-ID is built and found again, brackets or not, in any letter case."""
    built = message_id_with("abc234", "9k-2", "Example.com")
    assert built == "<r.abc234.9k-2@example.com>"
    for seen in (built, built.upper(), built.strip("<>")):
        assert FoundMessageId(token="abc234", suffix="9k-2") == our_message_id(
            seen, ["example.COM"]
        )


@pytest.mark.parametrize(
    "seen", ["<r.abc234.9k@evil.example>", "<abc@example.com>", "<r.abc.@example.com>", "prose", ""]
)
def test_foreign_message_ids(seen: str) -> None:
    """Other forms and domains are not ours."""
    assert None is our_message_id(seen, ["example.com"])


def test_message_ids_stay_short() -> None:
    """Over 60 characters the identifier would be broken by common software when answered."""
    assert len(message_id_with("a" * 34, "b" * 9, "example.com")) == 60
    with pytest.raises(ValueError, match=r"61 characters.*shorter mail domain"):
        message_id_with("a" * 34, "b" * 10, "example.com")
    with pytest.raises(ValueError, match="make no Message-ID"):
        message_id_with("a", "b@c", "example.com")
