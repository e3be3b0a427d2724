"""Blobs in an S3-compatible object store, for gateways on several machines.

Every put is one request that the store acknowledges with the content's SHA-256 checked on its side;
it is made again for a content that is there already, which costs no more than asking.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gateway.config.storage import S3Settings
from gateway.domain.health import Health
from gateway.errors import NotFound, StoreUnavailable
from gateway.store.blobs import RETIRED, checked, name_of

if TYPE_CHECKING:
    from obstore.store import S3Store

_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_CONNECT_SECONDS, _RETRIES = 5.0, 5
_PROBE = "probe"
_WRONG_KEY = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken")


class S3Blobs:
    """Blobs as objects of a bucket, below a prefix.

    Raises:
        ImportError: the library is not installed.
    """

    def __init__(self, bucket: str, prefix: str, settings: S3Settings) -> None:
        import obstore

        self._library, self._bucket = obstore, bucket
        self._where = settings.endpoint or "Amazon S3"
        self._store = _open(bucket, prefix, settings)

    async def put(self, data: bytes) -> str:
        """Store a content durably and return its reference."""
        blob = (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()
        await self._ask("put_async", _path(blob), data, use_multipart=False)
        return blob

    async def read(self, blob: str) -> bytes:
        """Read a content, a retired one too."""
        for path in (_path(blob), _retired(blob), _path(blob)):
            try:
                data = await self._get(path)
            except NotFound:
                continue
            return await asyncio.to_thread(checked, blob, data)
        raise NotFound("the content is not there any more")

    async def exists(self, blob: str) -> bool:
        """Whether a content is there and not retired."""
        try:
            await self._ask("head_async", _path(blob))
        except NotFound:
            return False
        return True

    async def retire(self, blob: str) -> None:
        """Put a content aside; one that is not there is no error."""
        await self._move(_path(blob), _retired(blob))

    async def restore(self, blob: str) -> None:
        """Take a retired content back; one that is not there is no error."""
        await self._move(_retired(blob), _path(blob))

    async def purge(self, blob: str) -> None:
        """Delete a retired content for good; one that is not there is no error."""
        await self._ask("delete_async", _retired(blob))

    async def probe(self) -> Health:
        """Store, read and delete an object of no note, as the real work would."""
        try:
            await self._library.put_async(self._store, _PROBE, b"probe", use_multipart=False)
            answer = await self._library.get_async(self._store, _PROBE)
            await answer.bytes_async()
            await self._library.delete_async(self._store, _PROBE)
        except Exception as error:
            return self._sick(error)
        return Health()

    async def _move(self, source: str, target: str) -> None:
        try:
            await self._ask("copy_async", source, target)
        except NotFound:
            return
        await self._ask("delete_async", source)

    async def _get(self, path: str) -> bytes:
        answer = await self._ask("get_async", path)
        try:
            return bytes(await answer.bytes_async())
        except Exception as error:
            raise StoreUnavailable(self._sick(error).reason) from error

    async def _ask(self, operation: str, *arguments: Any, **named: Any) -> Any:
        try:
            return await getattr(self._library, operation)(self._store, *arguments, **named)
        except FileNotFoundError as error:
            health = self._sick(error)
            if health.code == "not_found":
                raise NotFound("the content is not there any more") from None
            raise StoreUnavailable(health.reason) from error
        except Exception as error:
            raise StoreUnavailable(self._sick(error).reason) from error

    def _sick(self, error: Exception) -> Health:
        """Say what is wrong; the library's own words hold a URL and are too long for people."""
        words = str(error)
        code, status = _CODE.search(words), _STATUS.search(words)
        said = code[1] if code else ""
        if said in _WRONG_KEY:
            return _down(
                "authentication_failed", f"{self._where} does not accept the access key ({said}): "
                "renew store.s3.access_key and secret_key",
            )  # fmt: skip
        if status and status[1] in ("401", "403"):
            return _down(
                "forbidden", f"the access key may not use the bucket {self._bucket!r} at "
                f"{self._where} ({said or status[1]}): let it get, put and delete objects",
            )  # fmt: skip
        if said == "NoSuchBucket":
            return _down(
                "no_such_bucket", f"{self._where} has no bucket {self._bucket!r}: make it, or "
                "mend store.blobs",
            )  # fmt: skip
        if isinstance(error, FileNotFoundError):
            return _down("not_found", "the content is not there any more")
        if status:
            return _down("store", f"{self._where} answers {status[1]} {said}".rstrip())
        return _down(
            "unreachable", f"{self._where} does not answer: host, port, firewall, certificate"
        )


def _open(bucket: str, prefix: str, settings: S3Settings) -> S3Store:
    from obstore.store import S3Store

    place: dict[str, Any] = {"endpoint": settings.endpoint} if settings.endpoint else {}
    keys: dict[str, Any] = {}
    if settings.access_key and settings.secret_key:
        keys["access_key_id"] = settings.access_key.reveal()
        keys["secret_access_key"] = settings.secret_key.reveal()
    return S3Store(
        bucket,
        prefix=prefix.strip("/") or None,
        region=settings.region,
        virtual_hosted_style_request=not settings.path_style,
        checksum_algorithm="SHA256",
        # Deleting in bulk is what stores that are merely compatible lack most often.
        disable_bulk_delete=True,
        client_options={
            "allow_http": settings.endpoint.startswith("http://"),
            "timeout": f"{settings.seconds}s",
            "connect_timeout": f"{min(_CONNECT_SECONDS, settings.seconds)}s",
        },
        retry_config={
            "max_retries": _RETRIES,
            "retry_timeout": timedelta(seconds=settings.retry_seconds),
        },
        **place,
        **keys,
    )


def _down(code: str, reason: str) -> Health:
    return Health(state="down", code=code, reason=reason)


def _path(blob: str) -> str:
    return f"{name_of(blob)[:2]}/{blob[2:4]}/{blob}"


def _retired(blob: str) -> str:
    return f"{RETIRED}/{name_of(blob)}"
