from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.addresses import Listen
from gateway.config.invalid import InvalidSetting


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("localhost:0", "localhost", 0),
        (":25", "", 25),
        ("[::1]:24", "::1", 24),
    ],
)
def test_addresses_are_read_and_written_alike(text: str, host: str, port: int) -> None:
    """What is read can be written again as it was."""
    address = Listen.from_config(text, Path())
    assert (host, port) == (address.host, address.port)
    assert text == str(address)
    assert Listen(host, port) == address


@pytest.mark.parametrize("text", ["", "8080", "host", "host:", "::1:24", "host:65536", "a b:1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """The refusal says which form is wanted."""
    with pytest.raises(InvalidSetting, match=r"HOST:PORT, such as 127\.0\.0\.1:8080"):
        Listen.from_config(text, Path())
