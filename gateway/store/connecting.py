"""How a PostgreSQL database is connected to, by whichever part of the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.config.database import TLS

CONNECT_SECONDS = 10


def postgres_engine(
    url: URL, *, connect: Mapping[str, Any] | None = None, **options: Any
) -> AsyncEngine:
    """Make an engine for a PostgreSQL database.

    Args:
        url: may ask for TLS as libpq has it (sslmode, sslrootcert and so on), which asyncpg
            reads from an address of its own only.
        connect: further arguments of asyncpg's ``connect``.
        options: further arguments of SQLAlchemy's ``create_async_engine``.
    """
    asked = {"sslmode" if name == "ssl" else name: value for name, value in url.query.items()
             if name in TLS}  # fmt: skip
    arguments = {"timeout": CONNECT_SECONDS, **(connect or {})}
    if asked:
        arguments["dsn"] = f"postgresql://?{urlencode(asked, doseq=True)}"
    return create_async_engine(
        url.set(drivername="postgresql+asyncpg").difference_update_query(TLS),
        connect_args=arguments, **options,
    )  # fmt: skip
