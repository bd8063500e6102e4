"""What every speech engine promises (``protocols.SpeechEngine``), asked of the embedded engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from avatar_contracts.problems import TextEmpty, UnsupportedLanguage, VoiceNotEnrolled
from avatar_contracts.speech import SpeechRequest
from avatar_gpu.protocols import AudioClip, EngineContext, SpeechClip
from avatar_gpu.speech.espeak.banks import BANK_TEXTS
from avatar_gpu.speech.espeak.engine import EspeakEngine
from avatar_gpu.speech.espeak.reference import REFERENCE_VOICES, TEXTS
from avatar_gpu.voice.analysis import pitch_track
from avatar_gpu.voice.loudness import integrated_loudness, true_peak

TEXT = {
    "en": "Good morning, Peter! Twelve apples cost $3.50 today. Are you sure?",
    "zh": "大家好，欢迎来到北京。今天的气温是25°C，我们学习Python。你准备好了吗？",
    "es": "¡Buenos días, Pedro! Doce manzanas cuestan 3,50 € hoy. ¿Estás seguro?",
}


def never() -> bool:
    return False


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EspeakEngine]:
    engine = EspeakEngine(EngineContext("cpu", tmp_path_factory.mktemp("models"), 2))
    engine.warm()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def recording(engine: EspeakEngine) -> AudioClip:
    request = SpeechRequest(text=TEXTS["en"][:220], language="en")
    clips = engine.speak_as(request, REFERENCE_VOICES["en"], never)
    return AudioClip(np.concatenate([clip.samples for clip in clips]), engine.sample_rate_hz)


def say(engine: EspeakEngine, text: str, language: str, **options: object) -> list[SpeechClip]:
    request = SpeechRequest.model_validate({"text": text, "language": language, **options})
    return list(engine.speak(request, None, never))


@pytest.mark.parametrize("text", ["", "   ", "...", "😀😀", "<b></b>", "——"])
def test_a_text_without_words_is_refused_before_the_first_clip(engine: EspeakEngine, text: str) -> None:
    request = SpeechRequest.model_construct(text=text, language="en", voice=None, speed=1.0, likeness=0.5)

    with pytest.raises(TextEmpty):
        engine.speak(request, None, never)


def test_an_unknown_language_is_refused_with_the_known_ones(engine: EspeakEngine) -> None:
    with pytest.raises(UnsupportedLanguage, match="en, zh, es"):
        engine.speak(SpeechRequest(text="Hello", language="tlh"), None, never)


def test_an_unknown_voice_is_refused_with_the_known_ones(engine: EspeakEngine) -> None:
    with pytest.raises(VoiceNotEnrolled, match=engine.voices[0]):
        engine.speak(SpeechRequest(text="Hello", language="en", voice="nobody"), None, never)


def test_first_class_languages_come_first_and_many_follow(engine: EspeakEngine) -> None:
    assert engine.languages[:3] == ("en", "zh", "es")
    assert {"fr", "de", "ja", "pt-BR", "ru", "en-GB", "es-MX", "zh-CN"} <= set(engine.languages)


@pytest.mark.parametrize("language", ["en", "en-GB", "zh", "zh-CN", "es", "es-MX", "es-AR"])
def test_phones_cover_every_clip_without_a_gap(engine: EspeakEngine, language: str) -> None:
    for clip in say(engine, TEXT[language[:2]], language):
        assert clip.phones[0].start == 0
        assert clip.phones[-1].end == len(clip.samples)
        assert clip.phones[-1].ipa == ""
        assert all(a.end == b.start for a, b in pairwise(clip.phones))
        assert all(phone.end > phone.start for phone in clip.phones)
        assert all(phone.end - phone.start >= 200 for phone in clip.phones[:-1])
        assert not any(set(phone.ipa) & set("ˈˌ()_|.0123456789") for phone in clip.phones)


@pytest.mark.parametrize("language", ["en", "zh", "es"])
def test_words_carry_the_characters_that_the_caller_wrote(engine: EspeakEngine, language: str) -> None:
    clips = say(engine, TEXT[language], language)
    words = [word for clip in clips for word in clip.words]

    assert all(TEXT[language][word.text_start : word.text_end] == word.text for word in words)
    assert all(a.text_end <= b.text_start for a, b in pairwise(words))
    spoken = "".join(word.text for word in words)
    wanted = {"en": ("apples", "$3.50"), "zh": ("北京", "25°C", "Python"), "es": ("manzanas", "3,50 €")}
    assert all(word in spoken for word in wanted[language])
    for clip in clips:
        assert all(a.end <= b.start for a, b in pairwise(clip.words))
        assert all(0 <= word.start < word.end <= len(clip.samples) for word in clip.words)


@pytest.mark.parametrize("language", ["en", "zh", "es"])
def test_every_built_in_voice_speaks_at_the_promised_level(engine: EspeakEngine, language: str) -> None:
    for voice in engine.voices:
        clips = say(engine, TEXT[language], language, voice=voice)
        whole = np.concatenate([clip.samples for clip in clips])
        loudness = integrated_loudness(whole, engine.sample_rate_hz)

        assert whole.dtype == np.float32
        assert loudness == pytest.approx(-16.0, abs=1.0)
        assert 20 * np.log10(true_peak(whole, engine.sample_rate_hz)) <= -1.0
        assert [clip.sentence for clip in clips] == list(range(clips[0].sentences))


def test_clips_begin_and_end_in_silence(engine: EspeakEngine) -> None:
    for clip in say(engine, TEXT["en"], "en"):
        assert np.abs(clip.samples[:8]).max() < 0.01
        assert not clip.samples[-1000:].any()


def test_the_same_request_gives_the_same_samples(engine: EspeakEngine) -> None:
    first, second = (say(engine, TEXT["en"], "en") for _ in range(2))

    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(first, second, strict=True))


def test_speed_changes_the_duration(engine: EspeakEngine) -> None:
    slow, normal, fast = (
        sum(len(clip.samples) for clip in say(engine, TEXT["en"], "en", speed=speed))
        for speed in (0.6, 1, 1.8)
    )

    assert slow > 1.3 * normal > 1.3 * 1.3 * fast


def test_emoji_and_markup_are_left_out_with_a_warning(engine: EspeakEngine) -> None:
    (clip,) = say(engine, "Hello 😀 <em>world</em>.", "en")

    assert [word.text for word in clip.words] == ["Hello", "world"]
    assert any("emoji" in warning for warning in clip.warnings)
    assert any("markup" in warning for warning in clip.warnings)


def test_a_long_sentence_starts_with_a_short_clip(engine: EspeakEngine) -> None:
    text = ", ".join(["and then we walked along the river until the evening came"] * 12) + "."

    clips = say(engine, text, "en")

    assert len(clips) > 3
    assert len(clips[0].samples) < 10 * engine.sample_rate_hz
    assert text[clips[-1].words[-1].text_start :].startswith("came")


def test_cancelling_stops_between_sentences(engine: EspeakEngine) -> None:
    stop = threading.Event()
    request = SpeechRequest(text="One sentence. " * 30, language="en")
    clips = engine.speak(request, None, stop.is_set)

    next(clips)
    stop.set()

    assert list(clips) == []


def test_an_iterator_dropped_early_leaves_the_engine_well(engine: EspeakEngine) -> None:
    clips = engine.speak(SpeechRequest(text="One sentence. " * 30, language="en"), None, never)
    next(clips)
    del clips

    assert len(say(engine, "Still here.", "en")) == 1


def test_killed_workers_lose_nothing_but_a_retry(engine: EspeakEngine) -> None:
    clips = engine.speak(SpeechRequest(text="One more sentence here. " * 6, language="en"), None, never)
    first = next(clips)
    for worker in [*engine._synthesisers._idle, *engine._converters._idle]:
        worker.process.kill()

    assert [clip.sentence for clip in [first, *clips]] == list(range(6))


def test_several_threads_speak_at_once(engine: EspeakEngine) -> None:
    expected = {language: len(say(engine, TEXT[language], language)) for language in TEXT}
    found: dict[int, tuple[str, int]] = {}

    def speak(index: int, language: str) -> None:
        found[index] = (language, len(say(engine, TEXT[language], language)))

    threads = [
        threading.Thread(target=speak, args=(index, language)) for index, language in enumerate([*TEXT] * 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 6
    assert all(count == expected[language] for language, count in found.values())


def test_an_enrolled_voice_saves_loads_and_moves_the_pitch_to_its_own(
    engine: EspeakEngine, recording: AudioClip, tmp_path: Path
) -> None:
    voice = engine.enrol(recording)
    voice.save(tmp_path / "voice.npz")
    loaded = engine.load_voice(tmp_path / "voice.npz")
    request = SpeechRequest(text=TEXT["es"], language="es", voice="0" * 64)

    clips = list(engine.speak(request, loaded, never))

    spoken = AudioClip(np.concatenate([clip.samples for clip in clips]), engine.sample_rate_hz)
    f0 = pitch_track(spoken.samples)
    assert 12 * abs(np.log2(np.median(f0[f0 > 0]) / voice.median_hz)) < 1.5
    assert (tmp_path / "voice.npz").stat().st_size < 20e6
    assert integrated_loudness(spoken.samples, engine.sample_rate_hz) == pytest.approx(-16.0, abs=1.0)


def test_the_words_of_a_recording_are_used_where_they_are_said_and_refused_where_not(
    engine: EspeakEngine, recording: AudioClip
) -> None:
    said = engine.enrol(recording, language="en", transcript=TEXTS["en"][:220])
    other = engine.enrol(recording, language="en", transcript=" ".join(BANK_TEXTS["en"])[40:260])

    assert said.aligned_to_text
    assert not other.aligned_to_text


@pytest.mark.parametrize("content", [b"", b"not a voice", b"PK\x03\x04broken"], ids=str)
def test_a_file_that_is_no_voice_is_refused(engine: EspeakEngine, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "voice.npz"
    path.write_bytes(content)

    with pytest.raises(ValueError, match="voice"):
        engine.load_voice(path)
