from __future__ import annotations

import json
import pickle
from pathlib import Path

import msgspec
import pytest

from gateway.config.invalid import InvalidSetting
from gateway.config.secret import Secret


class Holder(msgspec.Struct, frozen=True):
    key: Secret


def test_no_way_of_printing_shows_it() -> None:
    """Text, repr, formats, f-strings and a Struct around it all show dots only."""
    secret = Secret("s3cr3t")
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r:>5}", "%s" % secret]  # noqa: UP031
    shown += [repr(Holder(secret)), str([secret])]
    assert [] == [text for text in shown if "s3cr3t" in text or "•••" not in text]


def test_it_cannot_slip_into_json() -> None:
    """Encoding it fails instead of writing it out."""
    with pytest.raises(TypeError):
        msgspec.json.encode(Holder(Secret("s3cr3t")))
    with pytest.raises(TypeError):
        json.dumps(Secret("s3cr3t"))


def test_reveal_gives_the_text() -> None:
    """The one way to the text works."""
    assert "s3cr3t" == Secret("s3cr3t").reveal()


@pytest.mark.parametrize(
    ("candidate", "same"), [("s3cr3t", True), (b"s3cr3t", True), ("s3cr3", False), ("", False)]
)
def test_matches_compares_with_what_was_sent(candidate: str | bytes, same: bool) -> None:
    """Text and bytes are compared with the whole of it."""
    assert same == Secret("s3cr3t").matches(candidate)


def test_equality_is_by_text_and_only_with_secrets() -> None:
    """Two secrets of one text are equal and hash alike; plain text is never equal."""
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_it_travels_to_worker_processes() -> None:
    """A pickled secret comes back whole."""
    assert "s3cr3t" == pickle.loads(pickle.dumps(Secret("s3cr3t"))).reveal()


def test_a_file_gives_its_content_without_white_space(tmp_path: Path) -> None:
    """file:PATH starts at the config's folder and drops the newline an editor leaves."""
    (tmp_path / "key").write_text("s3cr3t\n")
    assert "s3cr3t" == Secret.from_config("file:key", tmp_path).reveal()


def _refused(text: str, folder: Path) -> str:
    with pytest.raises(InvalidSetting) as caught:
        Secret.from_config(text, folder)
    return f"{caught.value.expected}, found {caught.value.found} ({caught.value.hint})"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The user reads which file is missing and what to check."""
    told = _refused("file:nowhere", tmp_path)
    assert told == (
        f"a readable secret file, found {tmp_path / 'nowhere'}: No such file or directory "
        "(check that the file exists and that the gateway's user may read it)"
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b" \n", "a secret that is not empty, found the empty file"),
        (b"\xff\xfe", "a secret file in UTF-8"),
        (b"x" * 65_537, "a secret file of at most 65536 bytes"),
    ],
)
def test_an_unfit_file_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    """Empty, binary and endless files are refused by their own names, never by their content."""
    (tmp_path / "key").write_bytes(content)
    assert _refused("file:key", tmp_path).startswith(told)


def test_empty_text_is_no_secret(tmp_path: Path) -> None:
    """An empty password is a mistake, not a password."""
    assert _refused("", tmp_path).startswith("a secret that is not empty")
