"""Secrets: text that never prints."""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import ClassVar, final

from gateway.config.invalid import InvalidSetting

_MASK = "•••"
_FILE = "file:"
_FILE_LIMIT = 65_536


@final
class Secret:
    """A password, token or key; `reveal` gives the text, nothing else ever shows it.

    In the config it is text, ``${VARIABLE}`` or ``file:PATH``; a path that is not absolute starts
    at the config file's folder, and white space around a file's content is cut off.
    """

    __slots__ = ("_value",)
    expects: ClassVar[str] = "a secret: text, ${VARIABLE} or file:PATH"
    json_schema: ClassVar[dict[str, object]] = {"type": "string", "format": "password"}

    def __init__(self, value: str) -> None:
        self._value = value

    @classmethod
    def from_config(cls, text: str, folder: Path) -> Secret:
        """Read a secret as the config gives it.

        Raises:
            InvalidSetting: if it is empty, or its file cannot be read.
        """
        if text.startswith(_FILE):
            text = _read(folder / text.removeprefix(_FILE))
        if not text:
            raise InvalidSetting("a secret that is not empty", hint=f"it may be {cls.expects[10:]}")
        return cls(text)

    def reveal(self) -> str:
        """Give the text itself; hand it to nothing that logs."""
        return self._value

    def matches(self, candidate: str | bytes) -> bool:
        """Compare with what somebody sent, in constant time."""
        sent = (
            candidate.encode("utf-8", "surrogatepass") if isinstance(candidate, str) else candidate
        )
        return hmac.compare_digest(self._bytes(), sent)

    def _bytes(self) -> bytes:
        return self._value.encode("utf-8", "surrogatepass")

    def __eq__(self, other: object) -> bool:
        return self.matches(other._bytes()) if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __str__(self) -> str:
        return _MASK

    def __repr__(self) -> str:
        return _MASK

    def __format__(self, specification: str) -> str:
        return format(_MASK, specification)

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return Secret, (self._value,)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_FILE_LIMIT + 1)
        text = data.decode("utf-8").strip()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        hint = "check that the file exists and that the gateway's user may read it"
        raise InvalidSetting(
            "a readable secret file", found=f"{path}: {reason}", hint=hint
        ) from None
    except UnicodeDecodeError:
        raise InvalidSetting("a secret file in UTF-8", found=f"{path}") from None
    if len(data) > _FILE_LIMIT:
        raise InvalidSetting(f"a secret file of at most {_FILE_LIMIT} bytes", found=f"{path}")
    if not text:
        raise InvalidSetting("a secret that is not empty", found=f"the empty file {path}")
    return text
