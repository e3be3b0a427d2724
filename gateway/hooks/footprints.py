"""Faults and doubts that show only when the instances' footprints are laid beside one another."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.config.addresses import Listen
from gateway.config.server import WebSettings
from gateway.contracts.footprint import Footprint
from gateway.errors import Fault


def compare(
    web: WebSettings, footprints: Mapping[str, Footprint]
) -> tuple[list[Fault], dict[str, str]]:
    """Find what cannot work together, and what hardly is meant.

    Args:
        footprints: of every instance that is enabled, by where it stands: ``channels.support``.

    Returns:
        The faults, and a sentence for each setting that may be a mistake.
    """
    doubts = {
        f"{place}.{setting}": doubt
        for place, footprint in footprints.items()
        for setting, doubt in footprint.doubts.items()
    }
    for place, other, address in _twice(footprints, "serves"):
        doubts.setdefault(
            place, f"{address} is served by {other} as well; a mail that both get comes in twice"
        )
    owned = [
        Fault(
            path=place, expected="what no other one has", found=what,
            hint=f"{other} has it already; leave one of them out",
        )
        for place, other, what in _twice(footprints, "owns")
    ]  # fmt: skip
    return _listening(web, footprints) + owned, doubts


def _listening(web: WebSettings, footprints: Mapping[str, Footprint]) -> list[Fault]:
    asked = {"web.listen": web.listen}
    if web.probes is not None:
        asked["web.probes"] = web.probes
    for place, footprint in footprints.items():
        for setting, (host, port) in footprint.listens.items():
            asked[f"{place}.{setting}"] = Listen(host, port)
    faults: list[Fault] = []
    taken: dict[str, Listen] = {}
    for place, listen in asked.items():
        other = next((name for name, one in taken.items() if one.clashes(listen)), "")
        if other:
            faults.append(
                Fault(
                    path=place, expected="an address of its own", found=str(listen),
                    hint=f"{other} listens there; give it another port",
                )
            )  # fmt: skip
        taken[place] = listen
    return faults


def _twice(footprints: Mapping[str, Footprint], what: str) -> list[tuple[str, str, str]]:
    """What a later instance says that an earlier one has said: where, who said it first, and what."""
    first: dict[str, str] = {}
    found = []
    for place, footprint in footprints.items():
        said: Mapping[str, str] = getattr(footprint, what)
        for setting, thing in said.items():
            other = first.setdefault(thing, place)
            if other != place:
                found.append((f"{place}.{setting}", other, thing))
    return found
