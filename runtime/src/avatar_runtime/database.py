"""The database: tables, and one way to run a transaction off the event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.schema import CreateColumn

from avatar_contracts.problems import InsufficientStorage

T = TypeVar("T")

metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("status", String(16), nullable=False, index=True),
    Column("stage", String(16), nullable=False),
    Column("progress", Float, nullable=False),
    Column("created_ms", BigInteger, nullable=False, index=True),
    Column("started_ms", BigInteger),
    Column("finished_ms", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("owner", String(64)),
    Column("segments", Integer, nullable=False),
    Column("segments_done", Integer, nullable=False),
    Column("spec", JSON, nullable=False),
    Column("result", JSON(none_as_null=True)),
    Column("problem", JSON(none_as_null=True)),
    Column("warnings", JSON, nullable=False),
    Column("timings_ms", JSON, nullable=False),
)
"""One row per job; times are milliseconds since the epoch, UTC. ``owner`` is the runtime that accepted it."""

assets = Table(
    "assets",
    metadata,
    Column("kind", String(16), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("name", String(256)),
    Column("media_type", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("listed", Boolean, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("kind", "sha256"),
    UniqueConstraint("kind", "name"),
)
"""Uploaded photos and recordings; the bytes lie in the data folder under their hash."""

enrolments = Table(
    "enrolments",
    metadata,
    Column("kind", String(16), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("summary", JSON, nullable=False),
    PrimaryKeyConstraint("kind", "sha256"),
)
"""What the GPU service found in a photo or recording."""

OVERTAKEN_TRIES = 5
"""For transactions that enter a row which others may enter at the same time."""

THREADS = 4
BUSY_MS = 10_000
_FULL = ("database or disk is full", "disk I/O error", "No space left on device")


class Database:
    """A SQLAlchemy engine with threads of its own."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="database")

    async def create_tables(self) -> None:
        """Creates what is missing, in a database of an earlier version too."""

        def work() -> None:
            metadata.create_all(self._engine)
            with self._engine.begin() as connection:
                for table in metadata.tables.values():
                    _add_missing_columns(connection, table)

        await self._off_loop(work)

    async def run(self, work: Callable[[Connection], T], *, tries: int = 1) -> T:
        """The result of ``work`` in one transaction, committed when this returns.

        With ``tries`` above 1, ``work`` is repeated where another transaction entered the same row first; it
        must look before it writes.

        Raises:
            InsufficientStorage: the disk is full.
        """
        for _ in range(tries - 1):
            with contextlib.suppress(IntegrityError):
                return await self._run_once(work)
        return await self._run_once(work)

    async def _run_once(self, work: Callable[[Connection], T]) -> T:

        def transaction() -> T:
            with self._engine.begin() as connection:
                return work(connection)

        try:
            return await self._off_loop(transaction)
        except OperationalError as error:
            if any(text in str(error.orig) for text in _FULL):
                raise InsufficientStorage("The database cannot be written: the disk is full.") from error
            raise

    async def close(self) -> None:
        """Waits for running transactions and closes the connections."""
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()

    async def _off_loop(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _add_missing_columns(connection: Connection, table: Table) -> None:
    present = {column["name"] for column in inspect(connection).get_columns(table.name)}
    for column in table.columns:
        if column.name not in present:
            assert column.nullable, "a column added later must be nullable"
            definition = CreateColumn(column).compile(dialect=connection.dialect)
            connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {definition}"))


def _engine(url: str) -> Engine:
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        f"busy_timeout={BUSY_MS}",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
