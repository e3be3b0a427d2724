"""A gateway with its attachments and large bodies in a real object store."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from gateway.domain.message import Attachment
from gateway.store.archive import make_backup, restore_backup
from gateway.store.blobs import FileBlobs
from gateway.store.opening import open_blobs
from tests.servers.nanio import ObjectStore
from tests.unit.hooks_live.stage import staged

PLUGIN = """
from gateway import hookimpl


@hookimpl
def enrich_message(message):
    return None
"""


async def test_a_gateway_keeps_large_bodies_in_a_bucket(
    tmp_path: Path, object_store: ObjectStore
) -> None:
    """What is acknowledged is in the bucket; it is parsed from there, and backed up from there."""
    bucket = object_store.create_bucket()
    store = f"""
        [store]
        blobs = "s3://{bucket}/mail"
        [store.s3]
        endpoint = "{object_store.endpoint}"
        access_key = "{object_store.access_key}"
        secret_key = "{object_store.secret_key}"
    """
    text = "It drips. " * 30_000
    async with staged(tmp_path, PLUGIN, more=store) as stage:
        arrival = await stage.say(text)
        [forward] = await stage.forwarded()
        assert text.strip() == forward.text.strip()
        stored = await stage.running.store.arrival(None, arrival)
        name = hashlib.sha256(stored.arrival.body).hexdigest()
        path = object_store.object(bucket, f"mail/{name[:2]}/{name[2:4]}/{name}")
        assert stored.arrival.body == await asyncio.to_thread(path.read_bytes)
        parts = stage.running.gateway.parts
        attachment = Attachment(name="a", blob=await parts.blobs.put(b"a picture"))
        reader = parts.context("channel", "letters", "default", None).blobs
        assert b"a picture" == await reader.read(attachment)
        url = parts.settings.store.url.replace("{data}", str(parts.data))
        made = await make_backup(
            url, tmp_path / "backup", data=parts.data, blobs=open_blobs(parts.settings.store, parts.data),
            now=1,
        )  # fmt: skip
    assert 1 == made.blobs
    place = tmp_path / "place"
    blobs = FileBlobs(place / "blobs")
    await restore_backup(
        tmp_path / "backup", f"sqlite:///{place / 'gateway.db'}", data=place, blobs=blobs
    )
    assert stored.arrival.body == await blobs.read(name)
