"""What goes wrong on the way to a target that is not reached by HTTP, told to its double."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Faults:
    """What the double has to do; the kit sets it, the double reads it and counts `lost` down.

    Args:
        down: refuse every connection.
        lost: do what the next so many requests ask for, then break off without an answer; one
            less for each.
    """

    down: bool = False
    lost: int = 0
