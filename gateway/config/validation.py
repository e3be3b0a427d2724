"""Read a settings type from plain data and gather every fault on the way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct

from gateway.config.interpolation import UNRESOLVED, Interpolated, resolved
from gateway.config.invalid import InvalidSetting
from gateway.config.secret import Secret
from gateway.config.words import (
    bare,
    expected,
    found,
    is_secret,
    members,
    metas,
    min_length,
    nearest,
)
from gateway.errors import Fault

T = TypeVar("T", bound=Struct)
_MISSING: Any = object()
_LISTS = (list, tuple, set, frozenset)
_HERE = Path()


def validate(
    settings_type: type[T],
    data: Mapping[str, Any],
    path: str = "",
    *,
    folder: Path = _HERE,
    also_known: Iterable[str] = (),
) -> tuple[T | None, list[Fault]]:
    """Read a settings type; unknown keys are always faults.

    A field that is faulty and has a default takes it, so that checks of other parts can go on.

    Args:
        settings_type: a msgspec Struct, a plugin's own included.
        data: what TOML gave, interpolated or not.
        path: where the data stands in the config, such as ``channels.support``.
        folder: where ``file:`` paths that are not absolute start.
        also_known: further keys that may stand there, for the hint of an unknown one.

    Returns:
        The value, or None if a field without a default is faulty, and every fault.
    """
    reader = _Reader(folder)
    value = reader.struct(settings_type, data, path, tuple(also_known))
    return (None if value is _MISSING else value), reader.faults


def rest_field(settings_type: type[Struct]) -> str:
    """Name of the field that takes in every key the type does not know, empty if there is none."""
    for field in msgspec.structs.fields(settings_type):
        if any(meta.extra and meta.extra.get("rest") for meta in metas(field.type)):
            return field.name
    return ""


def join(path: str, key: str) -> str:
    """Write the path of a key; one that is no plain word is quoted as TOML would."""
    plain = key.replace("-", "").replace("_", "").isalnum()
    key = key if plain else f'"{key}"'
    return f"{path}.{key}" if path else key


class _Reader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[Fault] = []

    def value(self, annotation: Any, data: Any, path: str) -> Any:
        if data is UNRESOLVED:
            return _MISSING
        part = _branch(annotation, data)
        kind = bare(part)
        origin = get_origin(kind)
        if isinstance(kind, type) and issubclass(kind, Struct):
            return self.struct(kind, data, path)
        if origin in _LISTS:
            return self._sequence(part, data, path)
        if origin is dict:
            return self._mapping(part, data, path)
        return self._leaf(annotation, data, path)

    def struct(
        self, kind: type[Struct], data: Any, path: str, also_known: tuple[str, ...] = ()
    ) -> Any:
        if not isinstance(data, Mapping):
            return self._fault(path, "a table", data)
        fields = msgspec.structs.fields(kind)
        rest = rest_field(kind)
        names = {field.encode_name for field in fields if field.name != rest}
        unknown = [key for key in data if key not in names and key != _tag(kind)]
        if not rest:
            self._unknown(unknown, path, (*sorted(names), *also_known))
        values: dict[str, Any] = {}
        whole, before = True, len(self.faults)
        for field in fields:
            key = field.encode_name
            if field.name == rest:
                values[field.name] = {key: data[key] for key in unknown}
            elif key in data:
                values[field.name] = self.value(field.type, data[key], join(path, key))
            elif field.required:
                hint = f"add {key} = …"
                self._fault(join(path, key), expected(field.type), _MISSING, hint)
                whole = False
            if values.get(field.name) is _MISSING:
                del values[field.name]
                whole = whole and (
                    field.default is not NODEFAULT or field.default_factory is not NODEFAULT
                )
        if not whole:
            return _MISSING
        # What is faulty has its default by now, so that what is said of the whole may not be so.
        sound = len(self.faults) == before
        return self._build(kind, values, path, tell=resolved(data), sound=sound)

    def _build(
        self, kind: type[Struct], values: dict[str, Any], path: str, *, tell: bool, sound: bool
    ) -> Any:
        try:
            return kind(**values)
        except InvalidSetting as error:
            if tell:
                for where, wanted in _aimed(kind, path, error.expected):
                    if sound or where != path:
                        self.faults.append(
                            Fault(path=where, expected=wanted, found=error.found, hint=error.hint)
                        )
        except (ValueError, TypeError) as error:
            if tell:
                for where, wanted in _aimed(kind, path, str(error) or f"a sound {kind.__name__}"):
                    if sound or where != path:
                        self._fault(where, wanted, _MISSING, found_text="")
        return _MISSING

    def _unknown(self, keys: Iterable[str], path: str, known: tuple[str, ...]) -> None:
        for key in keys:
            hint = nearest(key, known) or f"known here: {', '.join(known) or 'nothing'}"
            self.faults.append(
                Fault(path=join(path, key), expected="a known key", found=f"{key!r}", hint=hint)
            )

    def _sequence(self, annotation: Any, data: Any, path: str) -> Any:
        if not isinstance(data, list):
            single = f"[{_quoted(data)}]" if isinstance(data, (str, int)) else ""
            hint = f"write {single}" if single and not is_secret(annotation) else ""
            return self._fault(path, expected(annotation), data, hint, secret=is_secret(annotation))
        kind = bare(annotation)
        item = get_args(kind)[0]
        values = [self.value(item, each, f"{path}[{n}]") for n, each in enumerate(data)]
        if not _long_enough(annotation, len(data)):
            return self._fault(path, expected(annotation), data)
        if any(value is _MISSING for value in values):
            return _MISSING
        return get_origin(kind)(values)

    def _mapping(self, annotation: Any, data: Any, path: str) -> Any:
        if not isinstance(data, Mapping):
            return self._fault(path, expected(annotation), data, secret=is_secret(annotation))
        key_type, item_type = get_args(bare(annotation))
        values: dict[str, Any] = {}
        for key, each in data.items():
            where = join(path, key)
            name = self._leaf(key_type, key, where)
            value = self.value(item_type, each, where)
            if value is not _MISSING:  # under a bad name as well, so that its own faults show
                values[key if name is _MISSING else name] = value
        return values

    def _leaf(self, annotation: Any, data: Any, path: str) -> Any:
        given, strict = (str(data), False) if isinstance(data, Interpolated) else (data, True)
        try:
            value = msgspec.convert(given, annotation, strict=strict, dec_hook=self._decode)
        except msgspec.ValidationError as error:
            if isinstance(error.__cause__, InvalidSetting):
                return self._invalid(error.__cause__, path, data)
            return self._fault(path, expected(annotation), data, secret=is_secret(annotation))
        least = min_length(annotation)
        if isinstance(value, float) and not math.isfinite(value):
            return self._fault(path, expected(annotation), data, "neither inf nor nan")
        if isinstance(value, Secret) and len(value.reveal()) < least:
            hint = f"make one with: openssl rand -hex {least}"
            wanted = f"a secret of at least {least} characters"
            return self._fault(path, wanted, data, hint, found_text="a shorter one")
        return value

    def _decode(self, kind: type, data: Any) -> Any:
        reader = getattr(kind, "from_config", None)
        if reader is None or not isinstance(data, str):
            raise ValueError(expected(kind))
        return reader(data, self.folder)

    def _invalid(self, error: InvalidSetting, path: str, data: Any = None) -> Any:
        shown = found(data) if isinstance(data, Interpolated) else error.found
        self.faults.append(
            Fault(path=path or "the config", expected=error.expected, found=shown, hint=error.hint)
        )
        return _MISSING

    def _fault(
        self,
        path: str,
        wanted: str,
        data: Any,
        hint: str = "",
        *,
        secret: bool = False,
        found_text: str | None = None,
    ) -> Any:
        if found_text is None:
            found_text = "nothing" if data is _MISSING else found(data, secret=secret)
        self.faults.append(
            Fault(path=path or "the config", expected=wanted, found=found_text, hint=hint)
        )
        return _MISSING


def _aimed(kind: type[Struct], path: str, said: str) -> list[tuple[str, str]]:
    """Take what a type's own check says apart: which field each sentence is about, if it is one."""
    fields = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    found: list[tuple[str, str]] = []
    for sentence in said.split("; "):
        word, _, rest = sentence.partition(" ")
        name, bracket, index = word.partition("[")
        if name in fields and rest.startswith("to "):
            found.append((f"{join(path, fields[name])}{bracket}{index}", rest))
        elif found:
            where, before = found.pop()
            found.append((where, f"{before}; {sentence}"))
        else:
            found.append((path or "the config", sentence))
    return found


def _branch(annotation: Any, data: Any) -> Any:
    """Choose the member of a union that the data looks like."""
    parts = members(annotation)
    if len(parts) == 1:
        return parts[0]
    for part in parts:
        kind = bare(part)
        origin = get_origin(kind)
        if isinstance(data, list) and origin in _LISTS:
            return part
        if isinstance(data, Mapping) and (origin is dict or _tagged(kind, data)):
            return part
    return annotation


def _tagged(kind: Any, data: Mapping[str, Any]) -> bool:
    if not (isinstance(kind, type) and issubclass(kind, Struct)):
        return False
    tag = _tag(kind)
    return not tag or data.get(tag) == kind.__struct_config__.tag


def _tag(kind: type[Struct]) -> str:
    return kind.__struct_config__.tag_field or ""


def _long_enough(annotation: Any, length: int) -> bool:
    return all(
        (meta.min_length or 0) <= length <= (length if meta.max_length is None else meta.max_length)
        for meta in metas(annotation)
    )


def _quoted(data: str | int) -> str:
    return f'"{data}"' if isinstance(data, str) else str(data)
