"""Environment variables inside the config's texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, final

from gateway.errors import Fault

_REFERENCE = re.compile(r"\$(?P<escaped>\$)?\{(?P<inside>[^{}]*)\}|\$\{")
_INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)


@final
class Interpolated(str):
    """Text that came from the environment: never shown, and read as a number where one is due."""

    __slots__ = ("source",)
    source: str

    def __new__(cls, text: str, source: str) -> Interpolated:
        """Keep the text with the reference it came from, such as ``${PORT}``."""
        made = super().__new__(cls, text)
        made.source = source
        return made


@final
class Unresolved:
    """Stands where a variable is missing; its fault has been told already."""


UNRESOLVED = Unresolved()


def resolved(tree: Any) -> bool:
    """Whether no variable is missing in a tree, so that its own checks say what somebody wrote."""
    if isinstance(tree, dict):
        return all(map(resolved, tree.values()))
    if isinstance(tree, list):
        return all(map(resolved, tree))
    return tree is not UNRESOLVED


def interpolate(
    tree: Any, environment: Mapping[str, str], path: str = ""
) -> tuple[Any, list[Fault]]:
    """Replace ``${NAME}`` and ``${NAME:-default}`` in every text of a tree; ``$${`` is a plain ``${``.

    Returns:
        The tree with `Interpolated` and `UNRESOLVED` in it, and a fault for each missing variable.
    """
    if isinstance(tree, str):
        return _text(tree, environment, path)
    if isinstance(tree, dict):
        pairs = [
            (key, interpolate(value, environment, f"{path}.{key}" if path else key))
            for key, value in tree.items()
        ]
        return {key: value for key, (value, _) in pairs}, [f for _, (_, fs) in pairs for f in fs]
    if isinstance(tree, list):
        items = [interpolate(value, environment, f"{path}[{n}]") for n, value in enumerate(tree)]
        return [value for value, _ in items], [fault for _, faults in items for fault in faults]
    return tree, []


def _text(text: str, environment: Mapping[str, str], path: str) -> tuple[Any, list[Fault]]:
    faults: list[Fault] = []
    used: list[str] = []

    def replace(match: re.Match[str]) -> str:
        if match["escaped"]:
            return match[0][1:]
        inside = _INSIDE.fullmatch(match["inside"] or "")
        if inside is None:
            hint = "write $${ for a plain ${"
            faults.append(Fault(path=path, expected="${NAME} or ${NAME:-default}", hint=hint))
            return ""
        used.append(f"${{{inside['name']}}}")
        value = environment.get(inside["name"]) or inside["default"]
        if value is None and inside["name"] not in environment:
            faults.append(
                Fault(
                    path=path,
                    expected=f"the environment variable {inside['name']}",
                    found="nothing",
                    hint=f"set it, or write ${{{inside['name']}:-default}}",
                )
            )
        return value or ""

    result = _REFERENCE.sub(replace, text)
    if faults:
        return UNRESOLVED, faults
    return (Interpolated(result, ", ".join(dict.fromkeys(used))) if used else result), []
