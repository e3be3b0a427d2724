"""Read the config file: TOML, environment, settings, and every fault at once."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from gateway.config.consistency import check
from gateway.config.database import placed
from gateway.config.interpolation import interpolate
from gateway.config.settings import Settings
from gateway.config.validation import validate
from gateway.errors import ConfigError, Fault

_PLACE = re.compile(
    r"\s*\(at (?:line (?P<line>\d+), column (?P<column>\d+)|(?P<end>end of document))\)$"
)


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a config file says, as far as it could be read.

    Args:
        settings: faulty parts have their defaults or are left out.
        faults: everything that is wrong; plugins and connectors add theirs.
        tree: the plain data, interpolated.
        folder: where paths that are not absolute start.
        source: what the file is called in errors.
    """

    settings: Settings
    faults: list[Fault]
    tree: dict[str, Any]
    folder: Path
    source: str


def read_file(path: Path, environment: Mapping[str, str] | None = None) -> Reading:
    """Read a config file.

    Raises:
        ConfigError: if there is no such file, it cannot be read, or is no TOML.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise _unreadable(path, "no such file", "write one with: gateway init") from None
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error), "check its permissions") from None
    except UnicodeDecodeError as error:
        reason = f"a byte that is no UTF-8 at offset {error.start}"
        raise _unreadable(path, reason, "save it as UTF-8") from None
    return read_text(text, folder=path.absolute().parent, source=str(path), environment=environment)


def read_text(
    text: str,
    *,
    folder: Path,
    source: str = "the configuration",
    environment: Mapping[str, str] | None = None,
) -> Reading:
    """Read a config from text.

    Args:
        text: TOML.
        folder: where paths that are not absolute start.
        source: what it is called in errors.
        environment: variables to interpolate; the process's own by default.

    Raises:
        ConfigError: if it is no TOML.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_syntax(error, text)], source) from None
    tree, faults = interpolate(raw, os.environ if environment is None else environment)
    read, wrong = validate(Settings, tree, folder=folder)
    settings = _placed(read or Settings(), folder)
    return Reading(
        settings=settings,
        faults=[*faults, *wrong, *check(settings, tree)],
        tree=tree,
        folder=folder,
        source=source,
    )


def _placed(settings: Settings, folder: Path) -> Settings:
    data = str(folder / settings.gateway.data)
    replace = msgspec.structs.replace
    store = settings.store
    blobs = store.blobs.replace("{data}", data)
    return replace(
        settings,
        gateway=replace(settings.gateway, data=data),
        store=replace(
            store,
            url=placed(store.url.replace("{data}", data), folder),
            blobs=blobs if "://" in blobs else str(folder / blobs),
        ),
    )


def _unreadable(path: Path, reason: str, hint: str) -> ConfigError:
    return ConfigError(
        [Fault(path=str(path), expected="a config file", found=reason, hint=hint)], str(path)
    )


def _syntax(error: tomllib.TOMLDecodeError, text: str) -> Fault:
    message = str(error)
    place = _PLACE.search(message)
    said = message[: place.start()] if place else message
    if place is None:
        where = "the file"
    elif place["end"]:
        where = f"line {len(text.splitlines()) or 1}, at the end of the file"
    else:
        where = f"line {place['line']}, column {place['column']}"
    return Fault(path=where, expected="valid TOML", found=said[:1].lower() + said[1:])
