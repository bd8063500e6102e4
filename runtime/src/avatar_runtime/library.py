"""The library of photos and recordings: what came with the installation, and what was uploaded.

Uploads are kept under the hash of their bytes; a name is a row in the database or the name of a file in the
assets folder, and is compared, never joined to a path.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import file_digest, sha256
from pathlib import Path
from uuid import uuid4

import anyio
from sqlalchemy import Connection, insert, select, update

from avatar_contracts.problems import (
    AssetNotFound,
    AudioUnreadable,
    ImageUnreadable,
    PayloadTooLarge,
)
from avatar_runtime.database import OVERTAKEN_TRIES, Database
from avatar_runtime.database import assets as table
from avatar_runtime.formats import SNIFF_BYTES, FileFormat, audio_format, image_format
from avatar_runtime.job_table import now_ms
from avatar_runtime.names import safe_name, stem
from avatar_runtime.segment_file import PART_SUFFIX

HASH_LENGTH = 64


class Kind(StrEnum):
    """What an asset is, which is also what its folder is called in the data folder."""

    PORTRAIT = "portraits"
    VOICE = "voices"


_ASSET_FOLDERS = {Kind.PORTRAIT: "images", Kind.VOICE: "voice"}
_PREFIXES = {Kind.PORTRAIT: "assets/images/", Kind.VOICE: "assets/voice/"}


@dataclass(frozen=True)
class Asset:
    """A photo or a recording that can be sent to the GPU service."""

    kind: Kind
    sha256: str
    path: Path
    name: str | None
    media_type: str
    size_bytes: int
    uploaded: bool


class Library:
    """Finds and keeps assets. Blocking work runs on threads."""

    def __init__(
        self, database: Database, data_dir: Path, assets_dir: Path, *, max_upload_bytes: int
    ) -> None:
        self._database = database
        self._uploads = data_dir / "library"
        self._assets_dir = assets_dir
        self._max_upload_bytes = max_upload_bytes
        self._hashes: dict[tuple[Path, int, int], str] = {}

    async def prepare(self) -> None:
        """Makes the folders and removes uploads that were cut off."""

        def work() -> None:
            for kind in Kind:
                folder = self._uploads / kind
                folder.mkdir(parents=True, exist_ok=True)
                for left in folder.glob(f"*{PART_SUFFIX}"):
                    left.unlink(missing_ok=True)

        await anyio.to_thread.run_sync(work)

    async def find(self, kind: Kind, name: str) -> Asset:
        """The asset called ``name``: a file name, a file name without its extension, or a hash.

        Raises:
            NameUnsafe: ``name`` cannot be the name of an asset.
            AssetNotFound: the library holds nothing of this name.
        """
        wanted = safe_name(name.removeprefix(_PREFIXES[kind]))
        found = await self._find_upload(kind, wanted) or await self._find_installed(kind, wanted)
        if found is None:
            route = "/api/v1/portraits" if kind is Kind.PORTRAIT else "/api/v1/voices"
            what = "photo" if kind is Kind.PORTRAIT else "recording"
            raise AssetNotFound(f"The library holds no {what} of this name; GET {route} lists what there is.")
        return found

    async def by_hash(self, kind: Kind, digest: str) -> Asset:
        """The asset with this hash. Raises ``AssetNotFound``."""
        for asset in await self.all_of(kind, listed_only=False):
            if asset.sha256 == digest:
                return asset
        raise AssetNotFound("A file that this job needs is no longer in the library.")

    async def at_path(self, kind: Kind, path: Path) -> Asset:
        """The file that the operator named in a setting. Raises ``AssetNotFound``."""
        if not await anyio.Path(path).is_file():
            raise AssetNotFound("The default file that the server is set to use does not exist.")
        return await anyio.to_thread.run_sync(self._installed, kind, path)

    async def all_of(self, kind: Kind, *, listed_only: bool = True) -> list[Asset]:
        """Every asset of a kind: what is installed by name, then uploads, newest first."""
        installed = await anyio.to_thread.run_sync(lambda: list(self._all_installed(kind)))
        query = select(table).where(table.c.kind == kind).order_by(table.c.created_ms.desc())
        if listed_only:
            query = query.where(table.c.listed)
        rows = await self._database.run(lambda connection: connection.execute(query).mappings().all())
        uploads = [
            Asset(
                kind=kind,
                sha256=row["sha256"],
                path=self._uploads / kind / row["sha256"],
                name=row["name"],
                media_type=row["media_type"],
                size_bytes=row["size_bytes"],
                uploaded=True,
            )
            for row in rows
        ]
        present = await anyio.to_thread.run_sync(lambda: [a for a in uploads if a.path.exists()])
        return installed + present

    async def receive(self, kind: Kind, chunks: AsyncIterable[bytes]) -> Asset:
        """Writes an upload to the disk under its hash; ``keep`` enters it into the library.

        Raises:
            PayloadTooLarge: more bytes than the limit; the rest is not read.
            ImageUnreadable, AudioUnreadable: the first bytes are not those of a known format.
        """
        part = self._uploads / kind / f"{uuid4().hex}{PART_SUFFIX}"
        digest = sha256()
        size = 0
        head = b""
        try:
            async with await anyio.open_file(part, "wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > self._max_upload_bytes:
                        raise PayloadTooLarge(f"The upload is larger than {self._max_upload_bytes} bytes.")
                    head = (head + chunk)[:SNIFF_BYTES] if len(head) < SNIFF_BYTES else head
                    digest.update(chunk)
                    await file.write(chunk)
                found = sniff(kind, head)
                await file.flush()
                await anyio.to_thread.run_sync(os.fsync, file.wrapped.fileno())
            path = self._uploads / kind / digest.hexdigest()
            await anyio.to_thread.run_sync(part.replace, path)
        finally:
            await anyio.Path(part).unlink(missing_ok=True)
        return Asset(
            kind=kind,
            sha256=digest.hexdigest(),
            path=path,
            name=None,
            media_type=found.media_type,
            size_bytes=size,
            uploaded=True,
        )

    async def keep(self, asset: Asset, name: str | None, *, listed: bool) -> Asset:
        """Enters a received upload. A name that another file has is made different by the hash."""
        wanted = safe_name(name) if name else f"{asset.sha256[:12]}.{asset.media_type.rpartition('/')[2]}"
        installed = {other.name for other in await self.all_of(asset.kind) if not other.uploaded}

        def enter(connection: Connection) -> str | None:
            same = (table.c.kind == asset.kind) & (table.c.sha256 == asset.sha256)
            row = connection.execute(select(table).where(same)).mappings().one_or_none()
            if row is not None and (row["listed"] or not listed):
                return str(row["name"]) if row["name"] else None
            taken = set(connection.execute(select(table.c.name).where(table.c.kind == asset.kind)).scalars())
            final = _unused(wanted, asset.sha256, {n for n in taken | installed if n}) if listed else None
            if row is not None:
                connection.execute(update(table).where(same).values(name=final, listed=True))
            else:
                connection.execute(
                    insert(table).values(
                        kind=asset.kind,
                        sha256=asset.sha256,
                        name=final,
                        media_type=asset.media_type,
                        size_bytes=asset.size_bytes,
                        listed=listed,
                        created_ms=now_ms(),
                    )
                )
            return final

        final = await self._database.run(enter, tries=OVERTAKEN_TRIES)
        return Asset(
            asset.kind, asset.sha256, asset.path, final, asset.media_type, asset.size_bytes, uploaded=True
        )

    async def discard(self, asset: Asset) -> None:
        """Deletes a received upload that was refused, unless it is in the library already."""
        query = select(table.c.sha256).where(table.c.kind == asset.kind, table.c.sha256 == asset.sha256)
        if await self._database.run(lambda connection: connection.execute(query).first()) is None:
            await anyio.Path(asset.path).unlink(missing_ok=True)

    async def _find_upload(self, kind: Kind, name: str) -> Asset | None:
        uploads = [asset for asset in await self.all_of(kind, listed_only=False) if asset.uploaded]
        return _by_name(uploads, name)

    async def _find_installed(self, kind: Kind, name: str) -> Asset | None:
        return await anyio.to_thread.run_sync(lambda: _by_name(list(self._all_installed(kind)), name))

    def _all_installed(self, kind: Kind) -> Iterator[Asset]:
        folder = self._assets_dir / _ASSET_FOLDERS[kind]
        if not folder.is_dir():
            return
        for path in sorted(folder.iterdir()):
            if path.is_file() and not path.name.startswith(".") and _is_asset(kind, path):
                yield self._installed(kind, path)

    def _installed(self, kind: Kind, path: Path) -> Asset:
        stat = path.stat()
        key = (path, stat.st_size, stat.st_mtime_ns)
        if key not in self._hashes:
            with path.open("rb") as file:
                self._hashes[key] = file_digest(file, "sha256").hexdigest()
        with path.open("rb") as file:
            found = _format_of(kind, file.read(SNIFF_BYTES))
        return Asset(
            kind=kind,
            sha256=self._hashes[key],
            path=path,
            name=path.name,
            media_type=found.media_type if found else "application/octet-stream",
            size_bytes=stat.st_size,
            uploaded=False,
        )


def sniff(kind: Kind, head: bytes) -> FileFormat:
    """The format of an upload that starts with ``head``.

    Raises:
        ImageUnreadable, AudioUnreadable: no format of this kind starts so.
    """
    found = _format_of(kind, head)
    if found is not None:
        return found
    what = "empty" if not head else "text" if _is_text(head) else "of a kind this server does not know"
    if kind is Kind.PORTRAIT:
        raise ImageUnreadable(f"The file is {what}; send a photo as JPEG, PNG or WebP.")
    raise AudioUnreadable(
        f"The file is {what}; send a recording as WAV, FLAC, MP3, M4A, OGG, or a video with sound."
    )


def _format_of(kind: Kind, head: bytes) -> FileFormat | None:
    return image_format(head) if kind is Kind.PORTRAIT else audio_format(head)


def _is_asset(kind: Kind, path: Path) -> bool:
    with path.open("rb") as file:
        return _format_of(kind, file.read(SNIFF_BYTES)) is not None


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character.isspace() for character in text)


def _by_name(assets: list[Asset], name: str) -> Asset | None:
    named = {asset.name: asset for asset in reversed(assets) if asset.name is not None}
    hashed = {asset.sha256: asset for asset in assets}
    stems = {stem(own): asset for own, asset in named.items()}
    return named.get(name) or hashed.get(name) or stems.get(name)


def _unused(name: str, digest: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    head = stem(name)
    return f"{head}-{digest[:8]}{name[len(head) :]}"
