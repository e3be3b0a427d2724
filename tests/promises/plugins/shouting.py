"""A plugin that changes what messages say."""

from __future__ import annotations

import msgspec

from gateway import Draft, hookimpl


@hookimpl
def normalise_message(draft: Draft) -> Draft | None:
    """Write the subject in capitals."""
    return msgspec.structs.replace(draft, subject=draft.subject.upper())
