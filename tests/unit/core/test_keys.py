"""Keys that the gateway keeps in its data folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.core.keys import INSTANCE, REPLY_KEY, instance_id, reply_keys
from gateway.errors import StoreUnavailable


def test_a_key_is_made_once(tmp_path: Path) -> None:
    """The second start finds what the first one made, and nobody else may read it."""
    made = reply_keys((), tmp_path)
    assert made == reply_keys((), tmp_path)
    assert 64 == len(made[0])
    assert 0o600 == (tmp_path / REPLY_KEY).stat().st_mode & 0o777


@pytest.mark.parametrize("content", [b"", b"abc", b"f" * 63, b"\xff" * 64, b"f" * 65])
def test_a_damaged_key_is_told(tmp_path: Path, content: bytes) -> None:
    """The file is named with what to do; it is neither used nor replaced by itself."""
    for name, read in (
        (REPLY_KEY, lambda: reply_keys((), tmp_path)),
        (INSTANCE, lambda: instance_id(tmp_path)),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(StoreUnavailable, match="is damaged: it has to hold") as told:
            read()
        assert str(tmp_path / name) in str(told.value)
        assert "put it back from a backup, or remove it" in str(told.value)
        assert content == (tmp_path / name).read_bytes()
