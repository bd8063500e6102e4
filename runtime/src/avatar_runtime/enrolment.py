"""Enrolment of assets at the GPU service, remembered so that a known asset costs nothing."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter
from sqlalchemy import Connection, delete, insert, select

from avatar_contracts.enrolment import SEVERAL_FACES, PortraitSummary, VoiceSummary
from avatar_contracts.problems import AvatarError, PortraitNotEnrolled, VoiceNotEnrolled
from avatar_runtime.database import OVERTAKEN_TRIES, Database
from avatar_runtime.database import enrolments as table
from avatar_runtime.gpu_client import GpuClient
from avatar_runtime.library import Asset, Kind, Library

Summary = PortraitSummary | VoiceSummary

_summaries: dict[Kind, TypeAdapter[Summary]] = {
    Kind.PORTRAIT: TypeAdapter(PortraitSummary),
    Kind.VOICE: TypeAdapter(VoiceSummary),
}
_MISSING: dict[type[AvatarError], Kind] = {
    PortraitNotEnrolled: Kind.PORTRAIT,
    VoiceNotEnrolled: Kind.VOICE,
}


@dataclass(frozen=True)
class Words:
    """What a person tells of a recording: its language, and what it says."""

    language: str | None = None
    transcript: str | None = None


def _words_of(summary: Summary | None) -> Words | None:
    return Words(summary.language, summary.transcript) if isinstance(summary, VoiceSummary) else None


class Enrolment:
    """Sends assets to the GPU service and remembers what it found in them."""

    def __init__(self, database: Database, library: Library, gpu: GpuClient) -> None:
        self._database = database
        self._library = library
        self._gpu = gpu

    async def known(self, kind: Kind, sha256: str) -> Summary | None:
        """What was found in an asset that was enrolled before; None where it never was."""
        query = select(table.c.summary).where(table.c.kind == kind, table.c.sha256 == sha256)
        found = await self._database.run(lambda connection: connection.execute(query).scalar())
        return None if found is None else _summaries[kind].validate_python(found)

    async def ensure(
        self, asset: Asset, *, pick_largest: bool = False, words: Words | None = None
    ) -> Summary:
        """What was found in ``asset``, which is sent when it never was. Raises what is wrong with it.

        ``pick_largest``: of a photo of several people the largest face is taken, now and from now on.
        ``words``: of a recording; other words than before send it again.
        """
        known = await self.known(asset.kind, asset.sha256)
        if known is None or (words is not None and words != _words_of(known)):
            return await self.send(asset, pick_largest=pick_largest, words=words)
        return known

    async def send(self, asset: Asset, *, pick_largest: bool = False, words: Words | None = None) -> Summary:
        """Uploads ``asset`` and remembers what was found. Raises what is wrong with it."""
        summary: Summary
        if asset.kind is Kind.PORTRAIT:
            summary = await self._gpu.enrol_portrait(asset.sha256, asset.path, pick_largest=pick_largest)
        else:
            told = words or Words()
            summary = await self._gpu.enrol_voice(
                asset.sha256, asset.path, language=told.language, transcript=told.transcript
            )

        def remember(connection: Connection) -> None:
            connection.execute(
                delete(table).where(table.c.kind == asset.kind, table.c.sha256 == asset.sha256)
            )
            connection.execute(
                insert(table).values(
                    kind=asset.kind, sha256=asset.sha256, summary=summary.model_dump(mode="json")
                )
            )

        await self._database.run(remember, tries=OVERTAKEN_TRIES)
        return summary

    async def send_again(self, missing: AvatarError, sha256_of: dict[Kind, str | None]) -> bool:
        """Uploads what the GPU service says it does not hold; whether there was something to send."""
        kind = _MISSING.get(type(missing))
        digest = sha256_of.get(kind) if kind else None
        if kind is None or digest is None:
            return False
        known = await self.known(kind, digest)
        picked = known is not None and any(warning.code == SEVERAL_FACES for warning in known.warnings)
        asset = await self._library.by_hash(kind, digest)
        await self.send(asset, pick_largest=picked, words=_words_of(known))
        return True
