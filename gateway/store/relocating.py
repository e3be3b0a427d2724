"""Move a deployment into another database, and its blobs along if they move too."""

from __future__ import annotations

import asyncio
from functools import partial

from gateway.config.database import parse_url
from gateway.errors import Refused
from gateway.store import migrating
from gateway.store.archive import copy_blobs, set_up
from gateway.store.blobs import BlobStore
from gateway.store.copying import Advance, Copied, copy, running_on, used_blobs
from gateway.store.ends import reading, writing


async def relocate(
    url: str,
    target: str,
    *,
    blobs: BlobStore,
    to: BlobStore | None,
    now: int,
    on_progress: Advance = lambda _done, _all: None,
) -> list[Copied]:
    """Copy everything, or go on with a copy that was interrupted, and compare both.

    Args:
        target: the URL of an empty database; it is given the schema.
        to: where the blobs are copied; None if they stay where they are.

    Raises:
        Refused: a gateway runs on the source, or the target holds something else.
        StoreError: one of them does not answer, or they differ at the end.
    """
    if parse_url(url) == parse_url(target):
        raise Refused("source and target are the same database")
    await asyncio.to_thread(migrating.prepare, url, create=False, migrate=False)
    await asyncio.to_thread(set_up, target)
    async with reading(url) as source, writing(target) as there:
        if name := await source(partial(running_on, now=now)):
            raise Refused(
                f"{name} works on the source at the moment; stop every gateway first, or wait "
                "half a minute if it was killed"
            )
        if to is not None:
            await copy_blobs(await source(used_blobs), blobs, to, on_progress)
        return await copy(source, there, origin=url, on_progress=on_progress)
