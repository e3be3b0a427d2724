"""Which extra to install when a plugin's library is missing."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, entry_points

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


def missing_library(error: ImportError, distribution: Distribution | None, plugin: str = "") -> str:
    """Say what to install when an import fails.

    Args:
        error: the failure; a library imported later than at load time counts as well.
        distribution: the one that brings the plugin, None for a plugin file.
        plugin: the plugin's name; of several extras that bring the library, one called so wins.
    """
    module = error.name or ""
    if not isinstance(error, ModuleNotFoundError) or not module:
        return f"it cannot be imported: {error}"
    said = f"it needs {module!r}, which is not installed"
    extras = _extras(module, distribution) if distribution is not None else []
    if distribution is None or not extras:
        return f"{said}: install the library that brings it"
    # Packaging tools write an extra's name in one form (sms-voice), people in another (sms_voice).
    extra = plugin if _plain(plugin) in map(_plain, extras) else extras[0]
    return f"{said}: pip install '{distribution.name}[{extra}]'"


def missing_later(error: ImportError, module: str) -> str:
    """Say what to install when a plugin imports a library only once it is used.

    Args:
        module: of the plugin that was used.
    """
    house = module.partition(".")[0]
    for one in entry_points(group="gateway"):
        if one.module.partition(".")[0] == house:
            return missing_library(error, one.dist, one.name)
    return missing_library(error, None)


def _extras(module: str, distribution: Distribution) -> list[str]:
    """The extras that bring a module, in the order of the metadata, those of a few first."""
    found: list[str] = []
    for requirement in distribution.requires or ():
        name, extra = _NAME.match(requirement), _EXTRA.search(requirement)
        if name and extra and _brings(name[0], module):
            found.append(extra[1])
    return found


def _brings(distribution: str, module: str) -> bool:
    """Whether a distribution's name says that it brings a module: slack-sdk brings slack_sdk.web."""
    wanted, parts = _plain(distribution), module.split(".")
    return any(_plain(".".join(parts[:n])) == wanted for n in range(1, len(parts) + 1)) or (
        wanted.split("-")[0] == _plain(parts[0]) and len(parts) == 1 and "." in distribution
    )


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
