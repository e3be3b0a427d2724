"""Where plugins come from: installed distributions, files, and the gateway's own defaults."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from typing import Any

from gateway.hooks.extras import missing_library
from gateway.hooks.kinds import PROJECT

FILES = f"{PROJECT}_file_"


class Unloadable(Exception):
    """A plugin's module cannot be loaded; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A plugin that could be loaded.

    Args:
        fault: what speaks against loading it at all.
        load: imports it; raises `Unloadable`.
    """

    name: str
    version: str = ""
    distribution: str = ""
    module: str = ""
    fault: str = ""
    load: Callable[[], Any]


def default(name: str, version: str, plugin: object) -> Source:
    """Make a source of one of the gateway's own defaults."""
    module = getattr(plugin, "__name__", type(plugin).__name__)
    return Source(name=name, version=version, module=module, load=lambda: plugin)


def installed(found: Iterable[EntryPoint] | None = None) -> dict[str, Source]:
    """List the installed plugins by name, without importing any of them.

    Args:
        found: entry points to take instead of those installed.
    """
    groups: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=PROJECT) if found is None else found:
        same = groups.setdefault(point.name, [])
        if all(_owner(point) != _owner(other) or point.value != other.value for other in same):
            same.append(point)
    return {name: _from_entry_point(*points) for name, points in groups.items()}


def file_modules() -> dict[str, Path]:
    """Where the modules lie that were loaded from plugin files: another process finds them so."""
    return {
        name: Path(file).absolute()
        for name, module in list(sys.modules.items())
        if name.startswith(FILES) and (file := getattr(module, "__file__", None))
    }


def from_file(name: str, path: Path) -> Source:
    """Make a source of a Python file."""

    def load() -> Any:
        module = FILES + name.replace("-", "_")
        specification = importlib.util.spec_from_file_location(module, path)
        loader = specification.loader if specification else None
        if not path.is_file() or specification is None or loader is None:
            raise Unloadable(f"there is no Python file {path}")
        loaded = importlib.util.module_from_spec(specification)
        sys.modules[module] = loaded  # type hints and pickles look it up there
        try:
            _contained(lambda: loader.exec_module(loaded), None, name, path.parent)
        except Unloadable:
            del sys.modules[module]
            raise
        return loaded

    return Source(name=name, module=str(path), load=load)


def _from_entry_point(point: EntryPoint, *others: EntryPoint) -> Source:
    fault = ""
    if others:
        owners = " and ".join(sorted(_owner(each) for each in (point, *others)))
        fault = f"it is installed twice, by {owners}: uninstall one"
    distribution = point.dist
    return Source(
        name=point.name,
        version=distribution.version if distribution else "",
        distribution=_owner(point),
        module=point.value,
        fault=fault,
        load=lambda: _contained(point.load, distribution, point.name),
    )


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist else ""


def _beside(error: ImportError, folder: Path) -> str:
    """The name of what could not be imported, if it lies beside the plugin file."""
    name = (error.name or "").partition(".")[0]
    if not name or not isinstance(error, ModuleNotFoundError):
        return ""
    return name if (folder / f"{name}.py").is_file() or (folder / name).is_dir() else ""


def _contained(
    load: Callable[[], Any],
    distribution: Distribution | None,
    plugin: str,
    folder: Path | None = None,
) -> Any:
    """Import plugin code; whatever it does, it is only this plugin that cannot be loaded.

    Args:
        folder: where a plugin file lies.
    """
    try:
        return load()
    except ImportError as error:
        if folder is not None and (beside := _beside(error, folder)):
            raise Unloadable(
                f"it imports {beside!r}, which lies beside it: a plugin file stands alone; put both "
                "into one file, or into a package that is installed (docs/plugins.md, As a package)"
            ) from error
        raise Unloadable(missing_library(error, distribution, plugin)) from error
    except SyntaxError as error:
        where = f"{error.filename}, line {error.lineno}"
        raise Unloadable(f"it has a syntax error in {where}: {error.msg}") from error
    except (Exception, SystemExit) as error:
        raise Unloadable(f"importing it raised {type(error).__name__}: {error}") from error
