"""Attachment contents as connectors read them."""

from __future__ import annotations

from gateway.domain.message import Attachment
from gateway.errors import NotFound
from gateway.store.blobs import BlobStore


class BlobReader:
    """Reads what was stored; connectors cannot write here."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    async def read(self, attachment: Attachment) -> bytes:
        """Read an attachment's bytes.

        Raises:
            NotFound: they are not there any more, or never were.
        """
        if not attachment.blob:
            raise NotFound(f"attachment {attachment.name!r} has no content ({attachment.state})")
        return await self._blobs.read(attachment.blob)
