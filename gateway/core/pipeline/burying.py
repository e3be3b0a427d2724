"""What comes in again although it was erased, or its time was over, is not brought back."""

from __future__ import annotations

from gateway.core.pipeline.work import Work
from gateway.domain.message import Gone


def bury(work: Work, part: int, message: int, why: Gone) -> None:
    """Keep of an arrival only that it came, as of the message that it would bring back.

    Args:
        part: which of the arrival's parts it is.
        message: the empty place that was left of it; after retention there is none.
    """
    erased = why == "erasure"
    work.decide(
        "duplicate", "erased" if erased else "removed",
        "it is of a message that was erased; nothing of it is kept" if erased
        else "it is of a message whose time was over; nothing of it is kept",
        message=message if erased else None,
    )  # fmt: skip
    if part == 0:  # other parts of the same arrival may be needed still
        work.bury(why)
