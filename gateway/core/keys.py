"""Keys the gateway makes for itself and keeps in its data folder."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from gateway.config.secret import Secret
from gateway.errors import StoreUnavailable
from gateway.store.folders import make_folder, sync_folder

REPLY_KEY, INSTANCE = "reply.key", "instance"


def reply_keys(configured: tuple[Secret, ...], data: Path) -> list[bytes]:
    """The keys that sign reply tokens: those configured, else one kept in the data folder."""
    if configured:
        return [key.reveal().encode() for key in configured]
    return [_kept(data / REPLY_KEY, 32).encode()]


def instance_id(data: Path) -> str:
    """What this installation calls itself in loop headers."""
    return _kept(data / INSTANCE, 8)


def _kept(path: Path, size: int) -> str:
    """Read a random word from a file that only its owner reads; make it the first time."""
    try:
        make_folder(path.parent)
        try:
            return path.read_text(encoding="ascii").strip()
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
            return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise StoreUnavailable(
            f"{path} cannot be read or written: {error.strerror}; check the data folder"
        ) from error
