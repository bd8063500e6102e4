from __future__ import annotations

import json
import threading
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from fake_engines import SPECS, FakeRender, FakeVoice
from live_service import PORTRAIT, fake_settings, put_portrait
from recordings import babble

from avatar_contracts.enrolment import VoiceSummary
from avatar_contracts.problems import (
    HashMismatch,
    PortraitNotEnrolled,
    SeveralFaces,
    SpeechTooShort,
    VoiceNotEnrolled,
)
from avatar_gpu.catalogue import Catalogue
from avatar_gpu.enrolment import Enrolment
from avatar_gpu.portrait.analyse import several_faces
from avatar_gpu.protocols import EngineContext, Portrait
from avatar_gpu.render.mesh.rehearsal import drawn_portrait


@pytest.fixture
def enrolment(tmp_path: Path) -> Enrolment:
    return make(tmp_path)


def make(folder: Path, max_bytes: int = 10**9) -> Enrolment:
    context = EngineContext("cpu", folder / "models", 1)
    catalogue = Catalogue(context, {"speech": "fake", "motion": "fake", "render": "fake"}, specs=SPECS)
    return Enrolment(folder / "data" / "enrolled", folder / "models", catalogue, max_bytes=max_bytes)


def test_a_wrong_hash_is_refused(enrolment: Enrolment) -> None:
    with pytest.raises(HashMismatch):
        enrolment.enrol_voice("0" * 64, b"data", None)


def test_a_refused_recording_leaves_nothing_behind(enrolment: Enrolment, tmp_path: Path) -> None:
    data = babble(0.2)
    with pytest.raises(SpeechTooShort):
        enrolment.enrol_voice(sha256(data).hexdigest(), data, None)
    assert not list((tmp_path / "data").rglob("*.npz"))


def test_what_was_never_uploaded_is_not_enrolled(enrolment: Enrolment) -> None:
    engine = SPECS and enrolment._catalogue
    with engine.speech() as speech, pytest.raises(VoiceNotEnrolled):
        enrolment.voice("1" * 64, speech, "fake")
    with pytest.raises(PortraitNotEnrolled):
        enrolment.portrait("1" * 64)


def test_a_voice_is_found_by_another_process_and_by_another_engine(tmp_path: Path) -> None:
    data = babble(12)
    digest = sha256(data).hexdigest()
    summary = make(tmp_path).enrol_voice(digest, data, "fake")
    assert summary.sha256 == digest
    assert summary.speech_s > 3
    later = make(tmp_path)
    with later._catalogue.speech() as engine:
        voice = later.voice(digest, engine, "fake")
        other = later.voice(digest, engine, "guarded")
    assert isinstance(voice, FakeVoice)
    assert voice == other
    assert (tmp_path / "data/enrolled/voices" / digest / "guarded.npz").exists()
    assert make(tmp_path).enrol_voice(digest, data, "fake") == summary


def test_a_transcript_is_remembered_and_told_of_where_it_was_of_no_use(tmp_path: Path) -> None:
    data = babble(12)
    digest = sha256(data).hexdigest()
    enrolment = make(tmp_path)

    def enrol(engine: str, language: str | None = None, transcript: str | None = None) -> VoiceSummary:
        return enrolment.enrol_voice(digest, data, engine, language=language, transcript=transcript)

    def aligned() -> bool:
        with enrolment._catalogue.speech() as engine:
            return enrolment.voice(digest, engine, "fake").aligned_to_text

    assert enrol("fake").transcript is None
    assert not aligned()
    useless = enrol("fake", "en", "something else")
    assert useless.warnings[-1].code == "transcript-unused"
    used = enrol("fake", "en", "what it says")
    assert (used.language, used.transcript) == ("en", "what it says")
    assert used.warnings == useless.warnings[:-1]
    assert aligned()
    assert enrol("fake") == used
    assert enrol("guarded") == used


def test_a_portrait_is_prepared_once_for_each_size_and_framing(tmp_path: Path) -> None:
    put_portrait(fake_settings(tmp_path))
    enrolment = make(tmp_path)
    before = FakeRender.prepared
    with enrolment._catalogue.render() as engine:
        threads = [
            threading.Thread(target=enrolment.likeness, args=(PORTRAIT, "fake", engine, 256, "head"))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        sizes = [
            (likeness.width_px, likeness.height_px)
            for likeness in (
                enrolment.likeness(PORTRAIT, "fake", engine, None, "head"),
                enrolment.likeness(PORTRAIT, "fake", engine, 256, "full"),
                enrolment.likeness(PORTRAIT, "fake", engine, 256, "head"),
            )
        ]
    assert FakeRender.prepared - before == 3
    assert sizes == [(512, 512), (512, 256), (256, 256)]


class TwoPeople:
    """Finds two people in every photo."""

    def analyse(self, data: bytes, sha256: str, *, pick_largest: bool = False) -> Portrait:
        if not pick_largest:
            raise SeveralFaces("The photo shows 2 faces.", faces=2)
        found = drawn_portrait()
        warned = found.summary.model_copy(update={"sha256": sha256, "warnings": (several_faces(2),)})
        return replace(found, summary=warned)


def test_a_photo_of_several_people_is_taken_only_where_the_largest_face_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolment = make(tmp_path)
    monkeypatch.setattr(enrolment, "_analyser", TwoPeople())
    digest = sha256(b"photo").hexdigest()
    with pytest.raises(SeveralFaces):
        enrolment.enrol_portrait(digest, b"photo")
    for _ in range(2):
        summary = enrolment.enrol_portrait(digest, b"photo", pick_largest=True)
        assert [warning.code for warning in summary.warnings] == ["several-faces"]
    with pytest.raises(SeveralFaces):
        enrolment.enrol_portrait(digest, b"photo")
    assert enrolment.portrait(digest).summary == summary


def test_the_least_recently_used_enrolment_goes_when_the_cache_is_full(tmp_path: Path) -> None:
    voices = [babble(6, seed) for seed in range(3)]
    digests = [sha256(v).hexdigest() for v in voices]
    enrolment = make(tmp_path, max_bytes=int(2.5 * len(voices[0])))
    for digest, data in zip(digests, voices, strict=True):
        enrolment.enrol_voice(digest, data, None)
    kept = {folder.name for folder in (tmp_path / "data/enrolled/voices").iterdir()}
    assert kept == set(digests[1:])


def test_a_portrait_of_another_version_is_asked_for_again(tmp_path: Path) -> None:
    settings = fake_settings(tmp_path)
    put_portrait(settings)
    file = settings.data_dir / "enrolled" / "portraits" / PORTRAIT / "portrait.npz"
    with np.load(file) as stored:
        arrays = dict(stored)
    header = json.loads(bytes(arrays["header"]).decode())
    header["version"] += 1
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(file, **arrays)
    with pytest.raises(PortraitNotEnrolled, match="Another version"):
        make(tmp_path).portrait(PORTRAIT)
    assert not file.exists()
