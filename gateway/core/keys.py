"""Keys the gateway makes for itself and keeps in its data folder."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from gateway.config.secret import Secret
from gateway.errors import StoreUnavailable
from gateway.store.folders import make_folder, sync_folder

REPLY_KEY, INSTANCE = "reply.key", "instance"


def reply_keys(configured: tuple[Secret, ...], data: Path) -> list[bytes]:
    """The keys that sign reply tokens: those configured, else one kept in the data folder.

    Raises:
        StoreUnavailable: the one kept cannot be read, or is not whole.
    """
    if configured:
        return [key.reveal().encode() for key in configured]
    return [_kept(data / REPLY_KEY, 32).encode()]


def instance_id(data: Path) -> str:
    """What this installation calls itself in loop headers."""
    return _kept(data / INSTANCE, 8)


def _kept(path: Path, size: int) -> str:
    """Read a random word from a file that only its owner reads; make it the first time.

    Args:
        size: its bytes, of two hexadecimal digits each.
    """
    try:
        make_folder(path.parent, mode=0o700)
        try:
            return _read(path, size)
        except FileNotFoundError:
            fresh = path.with_name(f".{path.name}.{os.getpid()}")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(size))
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # the first one wins when two start at once
                os.link(fresh, path)
            fresh.unlink()
            sync_folder(path.parent)
            return _read(path, size)
    except OSError as error:
        raise StoreUnavailable(
            f"{path} cannot be read or written: {error.strerror}; check the data folder"
        ) from error


def _read(path: Path, size: int) -> str:
    word = path.read_bytes().strip()
    if not re.fullmatch(rb"[0-9a-f]{%d}" % (2 * size), word):
        raise StoreUnavailable(
            f"{path} is damaged: it has to hold {2 * size} hexadecimal digits; put it back from a "
            "backup, or remove it, and a new one is made (answers to reply addresses that the old "
            "key signed are then told by their headers only)"
        )
    return word.decode()
