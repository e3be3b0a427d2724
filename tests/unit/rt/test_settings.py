"""A Request Tracker's settings: what cannot work is refused with what was expected."""

from __future__ import annotations

import msgspec
import pytest

from gateway import Secret
from gateway_rt.settings import FieldName, RtSettings


def settings(url: str = "https://rt.example.com", token: str = "1-2-3") -> RtSettings:
    """Settings with these two."""
    return RtSettings(url=url, token=Secret(token))


@pytest.mark.parametrize(
    "url", ["rt.example.com", "ftp://rt.example.com", "https://", "https://rt:0/", "https://a b/"]
)
def test_bad_url(url: str) -> None:
    """Only an http or https URL is one."""
    with pytest.raises(ValueError, match="http or https URL"):
        settings(url)


def test_url_with_a_password() -> None:
    """Credentials belong into the token, where they are not shown."""
    with pytest.raises(ValueError, match="no user name"):
        settings("https://root:secret@rt.example.com")


def test_empty_token() -> None:
    """Without a token nothing works."""
    with pytest.raises(ValueError, match="token to be"):
        settings(token="")


def test_field_that_cannot_be_searched() -> None:
    """A custom field's name with a quote could not be looked for, so it is refused at the start."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert("a'b", type=FieldName)
    assert "Gateway id" == msgspec.convert("Gateway id", type=FieldName)


def test_statuses() -> None:
    """One's own statuses come beside RT's, and may change what those mean."""
    own = RtSettings(
        url="https://rt.example.com", token=Secret("x"),
        statuses={"escalated": "held", "stalled": "open"},
    )  # fmt: skip
    assert ("held", "open", "resolved") == tuple(
        own.states[name] for name in ("escalated", "stalled", "resolved")
    )
