"""The engine ``espeak``: no download, CPU, any language of eSpeak NG, in a cloned or a built-in voice.

Text → normaliser → eSpeak NG (worker process) → the voice (worker process) → loudness. An enrolled voice
speaks with its recording's own pitch periods, a built-in one is shaped with WORLD. The time axis
is eSpeak's from end to end, so phone and word times are exact. It sounds synthetic: the timbre and pitch are
the speaker's, the rhythm is the synthesiser's.

eSpeak NG is GPL-3.0-or-later and runs only in ``worker``; everything here is Apache-2.0.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from avatar_contracts.languages import FIRST_CLASS, primary_subtag
from avatar_contracts.problems import (
    EngineFailed,
    SpeechTooShort,
    TextEmpty,
    VoiceNotEnrolled,
)
from avatar_contracts.sentences import Sentence, split_sentences
from avatar_contracts.speech import SpeechRequest
from avatar_contracts.timeline import TimedPhone, TimedWord
from avatar_gpu.protocols import AudioClip, Cancelled, EngineContext, FloatAudio, SpeechClip, Voice
from avatar_gpu.speech.espeak import phones as phone_events
from avatar_gpu.speech.espeak.banks import BANK_TEXTS, CALIBRATION
from avatar_gpu.speech.espeak.markup import to_markup
from avatar_gpu.speech.espeak.voice import EspeakVoice, voice_from_bytes, voice_from_file
from avatar_gpu.speech.espeak.voices import BUILT_IN_VOICES, BuiltInVoice, LanguageMap, base_pitch
from avatar_gpu.speech.processes import OperationFailed, Worker, WorkerPool
from avatar_gpu.speech.text.normalise import SpokenText, normalise
from avatar_gpu.voice.loudness import TARGET_LUFS, gated_loudness, integrated_loudness, limit

SAMPLE_RATE_HZ = 24_000
BASE_RATE_WPM = 165
LANGUAGE_RATE_WPM = {"zh": 182}
"""eSpeak reads Mandarin at 4 syllables a second by default; readers of news make about 4.5."""
RATE_LIMITS_WPM = (80, 450)
PITCH_RANGE = 50
MAX_SENTENCE_CHARS = {"zh": 70}
DEFAULT_MAX_SENTENCE_CHARS = 240
FIRST_SENTENCE_SHARE = 0.5
"""The first clip of a long sentence is at most this share of the limit, so that sound starts early."""
SYNTHESIS_TIMEOUT_S = 20.0
CONVERSION_TIMEOUT_S = 60.0
ENROLMENT_TIMEOUT_S = 120.0
RETIRE_AFTER_TEXTS = 250
"""Loading eSpeak's library anew for each text leaks 65 KB; a worker of 16 MB is replaced at 32 MB."""
CALLS_PER_ENROLMENT = 2
"""A process that has learnt a voice ends: it has grown by 150 MB that it would never give back."""
ENROLMENT_S = 120.0
"""As much of a recording as is looked at."""
PREFETCH = 2
"""Sentences that are made ahead of the one that the consumer holds."""
SENTENCE_PAUSE_S = {".": 0.38, "?": 0.42, "!": 0.40, "…": 0.45, ":": 0.28, ";": 0.28, ",": 0.16}
DEFAULT_PAUSE_S = 0.30
PARAGRAPH_PAUSE_S = 0.60
TRAILING_SILENCE_S = 0.025
"""What is kept of the silence that eSpeak itself puts after a sentence."""
FADE_OUT_S = 0.012
LOUDNESS_SPREAD_LU = 1.0
"""A sentence may be this much louder or softer than the target, where the request's other sentences are."""
LIMITER_PASSES = 3
_VOICED_FRICATIVES = ("z", "v", "ʒ", "ð", "ʐ", "ʑ", "ɣ", "β", "dʒ", "dz", "ʝ", "ɦ")
_FULL_STOPS = {"。": ".", "？": "?", "！": "!", "；": ";", "：": ":", "，": ",", "、": ","}


@dataclass(frozen=True)
class _Sentence:
    """A sentence as the caller wrote it and as it is read."""

    written: Sentence
    spoken: SpokenText


@dataclass(frozen=True)
class _Spoken:
    """A sentence out of eSpeak: 16-bit PCM at its own rate, and the timeline at 24 kHz."""

    pcm: bytes
    sample_rate_hz: int
    samples: int
    phones: tuple[TimedPhone, ...]
    words: tuple[TimedWord, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Converted:
    """A sentence in its voice, before the request's gain: samples at 24 kHz and their loudness blocks."""

    spoken: _Spoken
    samples: FloatAudio
    powers: NDArray[np.float64]


class EspeakEngine:
    """Implements ``protocols.SpeechEngine``. Any number of threads may speak and enrol at once."""

    sample_rate_hz = SAMPLE_RATE_HZ

    def __init__(self, context: EngineContext) -> None:
        size = max(1, context.workers)
        converters = max(1, size // 2)
        self._synthesisers = WorkerPool(
            "avatar_gpu.speech.espeak.worker", size, retire_after=RETIRE_AFTER_TEXTS
        )
        self._converters = WorkerPool("avatar_gpu.speech.espeak.conversion_worker", converters)
        self._learners = WorkerPool(
            "avatar_gpu.speech.espeak.conversion_worker", 1, retire_after=CALLS_PER_ENROLMENT
        )
        self._makers = ThreadPoolExecutor(size + 1, thread_name_prefix="espeak")
        self._base_pitches: dict[tuple[str, int], tuple[float, float]] = {}
        self._map: LanguageMap | None = None
        self._lock = threading.Lock()

    @property
    def languages(self) -> tuple[str, ...]:
        """Every tag that an eSpeak voice speaks; English, Mandarin and Spanish first."""
        return self._language_map().languages

    @property
    def voices(self) -> tuple[str, ...]:
        """Built-in voices; each speaks every language."""
        return tuple(voice.name for voice in BUILT_IN_VOICES)

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the workers that are alive, for measuring."""
        return (*self._synthesisers.pids, *self._converters.pids, *self._learners.pids)

    def warm(self) -> None:
        """Starts every process and learns the base voice in the first-class languages."""
        self._synthesisers.start_all()
        self._converters.each("warm", CONVERSION_TIMEOUT_S)
        for language in FIRST_CLASS:
            self._base_pitch(language, BUILT_IN_VOICES[0].pitch)

    def close(self) -> None:
        """Ends the processes."""
        self._synthesisers.close()
        self._converters.close()
        self._learners.close()
        self._makers.shutdown(wait=True, cancel_futures=True)

    def enrol(
        self, recording: AudioClip, *, language: str | None = None, transcript: str | None = None
    ) -> EspeakVoice:
        """The speaker's voice, from at most half a minute of speech in the recording's first two minutes.

        language: of the recording, where it is known: the base voice then reads in that language what the
        recording is compared with. transcript: what the recording says, in a first-class language; not used
        where it does not fit (see ``EspeakVoice.aligned_to_text``).

        Raises:
            SpeechTooShort: too little voiced speech.
        """
        samples = recording.samples
        if recording.sample_rate_hz != SAMPLE_RATE_HZ:
            samples = soxr.resample(samples, recording.sample_rate_hz, SAMPLE_RATE_HZ)
        sound = samples[: round(ENROLMENT_S * SAMPLE_RATE_HZ)].astype(np.float32).tobytes()
        primary = primary_subtag(language or "en")
        compared = primary if primary in BANK_TEXTS else "en"
        text = transcript if transcript and primary == compared else ""
        try:
            pitch = base_pitch(self._learners.call("median_hz", ENROLMENT_TIMEOUT_S, samples=sound))
            saved = self._learners.call(
                "learn",
                ENROLMENT_TIMEOUT_S,
                samples=sound,
                pitch=pitch,
                language=compared,
                bank=self._bank(compared, pitch),
                spoken=self._read_out(text, compared, pitch),
            )
        except OperationFailed as error:
            if error.error != "ValueError":
                raise EngineFailed(f"Learning the voice failed ({error.error}).") from error
            raise SpeechTooShort(
                "The recording holds too little voiced speech to learn a voice from; send 20 to 30 s."
            ) from error
        return voice_from_bytes(saved)

    def load_voice(self, path: Path) -> EspeakVoice:
        """The voice that ``EspeakVoice.save`` wrote. Raises ``ValueError`` for another version."""
        return voice_from_file(path)

    def speak(
        self, request: SpeechRequest, voice: Voice | None, cancelled: Cancelled
    ) -> Iterator[SpeechClip]:
        """See ``protocols.SpeechEngine.speak``. The arguments are checked before this returns."""
        return self.speak_as(request, self._target(request, voice), cancelled)

    def speak_as(
        self, request: SpeechRequest, target: EspeakVoice | BuiltInVoice, cancelled: Cancelled
    ) -> Iterator[SpeechClip]:
        """As ``speak``, in any voice, whatever ``request.voice`` says."""
        voice_file = self._language_map().voice(request.language)
        sentences = [
            _Sentence(sentence, normalise(sentence.text, request.language, offset=sentence.start))
            for sentence in cut_sentences(request.text, request.language)
        ]
        sentences = [s for s in sentences if any(char.isalnum() for char in s.spoken.text)]
        if not sentences:
            raise TextEmpty("The text has no letter or digit that could be spoken.")
        return self._clips(request, voice_file, target, sentences, cancelled)

    def _clips(
        self,
        request: SpeechRequest,
        voice_file: str,
        target: EspeakVoice | BuiltInVoice,
        sentences: list[_Sentence],
        cancelled: Cancelled,
    ) -> Iterator[SpeechClip]:
        made: list[Future[_Converted]] = []
        heard = np.zeros(0)
        try:
            for index, sentence in enumerate(sentences):
                if cancelled():
                    return
                if len(made) <= index:
                    made.append(self._submit(request, voice_file, target, sentence))
                converted = made[index].result()
                made += [
                    self._submit(request, voice_file, target, ahead)
                    for ahead in sentences[len(made) : index + 1 + PREFETCH]
                ]
                if cancelled():
                    return
                heard = np.concatenate([heard, converted.powers])
                following = sentences[index + 1].written if index + 1 < len(sentences) else None
                pause_s = pause_after(request.text, sentence.written, following) / request.speed
                yield _clip(converted, heard, pause_s, index, len(sentences))
        finally:
            for future in made:
                future.cancel()

    def _submit(
        self, request: SpeechRequest, voice_file: str, target: EspeakVoice | BuiltInVoice, sentence: _Sentence
    ) -> Future[_Converted]:
        try:
            return self._makers.submit(self._make, request, voice_file, target, sentence)
        except RuntimeError as error:
            raise EngineFailed("The speech engine is closing; try again.") from error

    def _make(
        self, request: SpeechRequest, voice_file: str, target: EspeakVoice | BuiltInVoice, sentence: _Sentence
    ) -> _Converted:
        pace = target.rate if isinstance(target, EspeakVoice) else 1.0
        spoken = self._synthesise(request, voice_file, target.pitch, pace, sentence)
        return self._converted(request, spoken, target, target.pitch)

    def _synthesise(
        self, request: SpeechRequest, voice_file: str, pitch: int, pace: float, sentence: _Sentence
    ) -> _Spoken:
        text = sentence.spoken
        markup = to_markup(text, request.language)
        base = LANGUAGE_RATE_WPM.get(primary_subtag(request.language), BASE_RATE_WPM)
        rate = int(np.clip(round(base * pace * request.speed), *RATE_LIMITS_WPM))
        answer = self._base_speech(markup.text, voice_file, pitch, rate)
        events: list[phone_events.Event] = [tuple(event) for event in answer["events"]]
        pcm = np.frombuffer(answer["pcm"], np.int16)
        rate_hz = answer["sample_rate_hz"]
        timeline = phone_events.timed_phones(events, pcm, rate_hz, SAMPLE_RATE_HZ)
        aligned = text.aligned
        origins = [
            (aligned.starts[place], aligned.ends[place]) if text.text[place].isalnum() else None
            for place in markup.places
        ]
        words = phone_events.timed_words(events, timeline, origins, request.text, rate_hz, SAMPLE_RATE_HZ)
        samples = phone_events.rescale(len(pcm), rate_hz, SAMPLE_RATE_HZ)
        return _Spoken(answer["pcm"], rate_hz, samples, timeline, words, text.warnings)

    def _base_speech(self, markup: str, voice_file: str, pitch: int, rate: int) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._synthesisers.call(
                "speak",
                SYNTHESIS_TIMEOUT_S,
                markup=markup,
                voice=voice_file,
                rate=rate,
                pitch=pitch,
                pitch_range=PITCH_RANGE,
            )
        except OperationFailed as error:
            raise EngineFailed(f"The synthesiser refused this text ({error.error}).") from error
        return answer

    def _converted(
        self, request: SpeechRequest, spoken: _Spoken, target: EspeakVoice | BuiltInVoice, pitch: int
    ) -> _Converted:
        primary = primary_subtag(request.language)
        arguments: dict[str, Any] = {
            "pcm": spoken.pcm,
            "sample_rate_hz": spoken.sample_rate_hz,
            "base": self._base_pitch(primary if primary in FIRST_CLASS else "en", pitch),
        }
        if isinstance(target, BuiltInVoice):
            arguments["shape"] = target.shape.to_map()
            arguments["frication"] = [
                (phone.start, phone.end)
                for phone in spoken.phones
                if phone.ipa.startswith(_VOICED_FRICATIVES)
            ]

            def task(worker: Worker) -> Any:
                return worker.call("reshape", CONVERSION_TIMEOUT_S, **arguments)
        else:
            arguments |= {"voice": target.key, "likeness": request.likeness}

            def task(worker: Worker) -> Any:
                return _call_with_voice(worker, target, arguments)

        try:
            answer = self._converters.run(task)
        except OperationFailed as error:
            raise EngineFailed(f"The voice conversion failed ({error.error}).") from error
        return _Converted(
            spoken,
            np.frombuffer(answer["samples"], np.float32),
            np.frombuffer(answer["powers"], np.float64),
        )

    def _base_pitch(self, language: str, pitch: int) -> tuple[float, float]:
        """Pitch of the base voice, measured once for each language and setting."""
        with self._lock:
            known = self._base_pitches.get((language, pitch))
        if known is not None:
            return known
        voice_file = self._language_map().voice(language)
        answer = self._base_speech(CALIBRATION[language], voice_file, pitch, BASE_RATE_WPM)
        median, deviation = self._converters.call(
            "base_pitch",
            CONVERSION_TIMEOUT_S,
            pcm=answer["pcm"],
            sample_rate_hz=answer["sample_rate_hz"],
        )
        with self._lock:
            self._base_pitches[language, pitch] = (median, deviation)
        return median, deviation

    def _bank(self, language: str, pitch: int) -> list[dict[str, Any]]:
        """The base voice saying the bank's sentences of ``language``."""
        voice_file = self._language_map().voice(language)
        spoken = [self._base_speech(text, voice_file, pitch, BASE_RATE_WPM) for text in BANK_TEXTS[language]]
        return [{"pcm": answer["pcm"], "sample_rate_hz": answer["sample_rate_hz"]} for answer in spoken]

    def _read_out(self, text: str, language: str, pitch: int) -> list[dict[str, Any]]:
        """The base voice saying ``text`` sentence by sentence; [] where nothing of it can be spoken."""
        voice_file = self._language_map().voice(language)
        spoken = [normalise(sentence.text, language) for sentence in cut_sentences(text, language)]
        answers = [
            self._base_speech(to_markup(sentence, language).text, voice_file, pitch, BASE_RATE_WPM)
            for sentence in spoken
            if any(char.isalnum() for char in sentence.text)
        ]
        return [{"pcm": answer["pcm"], "sample_rate_hz": answer["sample_rate_hz"]} for answer in answers]

    def _target(self, request: SpeechRequest, voice: Voice | None) -> EspeakVoice | BuiltInVoice:
        if voice is not None:
            if not isinstance(voice, EspeakVoice):
                raise TypeError(f"a voice of another engine: {type(voice).__name__}")
            return voice
        if request.voice is None:
            return BUILT_IN_VOICES[0]
        for built_in in BUILT_IN_VOICES:
            if built_in.name == request.voice:
                return built_in
        raise VoiceNotEnrolled(
            f"There is no built-in voice {request.voice!r}; choose {', '.join(self.voices)}, "
            "or enrol a recording and name its SHA-256."
        )

    def _language_map(self) -> LanguageMap:
        with self._lock:
            if self._map is not None:
                return self._map
        described = self._synthesisers.call("describe", SYNTHESIS_TIMEOUT_S)
        made = LanguageMap(described["voices"])
        with self._lock:
            self._map = made
        return made


def _call_with_voice(worker: Worker, voice: EspeakVoice, arguments: dict[str, Any]) -> Any:
    """``convert`` in ``worker``, which gets the voice first where it does not hold it."""
    for _ in range(2):
        if voice.key not in worker.holds:
            worker.call("hold", CONVERSION_TIMEOUT_S, key=voice.key, voice=voice.profile())
            worker.holds.add(voice.key)
        try:
            return worker.call("convert", CONVERSION_TIMEOUT_S, **arguments)
        except OperationFailed as error:
            if error.error != "VoiceAbsent":
                raise
            worker.holds.clear()
    raise EngineFailed("The conversion worker does not keep the voice; try again.")


def cut_sentences(text: str, language: str) -> list[Sentence]:
    """The sentences to speak one by one; the first piece of a long first sentence is short."""
    limit_chars = MAX_SENTENCE_CHARS.get(primary_subtag(language), DEFAULT_MAX_SENTENCE_CHARS)
    sentences = split_sentences(text, language, max_chars=limit_chars)
    if not sentences:
        return []
    first = sentences[0]
    pieces = split_sentences(first.text, language, max_chars=round(limit_chars * FIRST_SENTENCE_SHARE))
    opened = [Sentence(p.text, first.start + p.start, first.start + p.end) for p in pieces]
    return opened + sentences[1:]


def pause_after(text: str, sentence: Sentence, following: Sentence | None) -> float:
    """Seconds of silence after ``sentence``: by its last mark, longer before a new paragraph."""
    if following is not None and "\n" in text[sentence.end : following.start]:
        return PARAGRAPH_PAUSE_S
    last = sentence.text.rstrip("\"'”’»)]}』」》】 ")[-1:]
    last = _FULL_STOPS.get(last, last)
    if last in SENTENCE_PAUSE_S:
        return SENTENCE_PAUSE_S[last]
    return DEFAULT_PAUSE_S if following is None else 0.06


def _clip(
    converted: _Converted, heard: NDArray[np.float64], pause_s: float, index: int, count: int
) -> SpeechClip:
    """The sentence at the request's loudness, with its pause."""
    spoken = converted.spoken
    phones, end = _without_trailing_silence(spoken.phones)
    sound = _faded_out(converted.samples[:end])
    samples = _at_level(sound, gated_loudness(converted.powers), gated_loudness(heard))
    pause = round(pause_s * SAMPLE_RATE_HZ)
    total = end + pause
    if pause:
        if phones and not phones[-1].ipa:
            phones = (*phones[:-1], phones[-1].model_copy(update={"end": total}))
        else:
            phones = (*phones, TimedPhone(start=end, end=total, ipa=""))
    padded = np.concatenate([samples, np.zeros(pause, np.float32)])
    words = tuple(word for word in spoken.words if word.start < end)
    return SpeechClip(padded, phones, words, index, count, spoken.warnings)


def _at_level(samples: FloatAudio, own: float | None, running: float | None) -> FloatAudio:
    """``samples`` limited and within ``LOUDNESS_SPREAD_LU`` of the target.

    own, running: LUFS of this sentence and of the request so far. The limiter takes some loudness away;
    the gain makes up for it.
    """
    if own is None or running is None:
        return limit(samples, SAMPLE_RATE_HZ)
    reference = float(np.clip(running, own - LOUDNESS_SPREAD_LU, own + LOUDNESS_SPREAD_LU))
    wanted = TARGET_LUFS + own - reference
    gain_db = wanted - own
    for _ in range(LIMITER_PASSES):
        limited = limit(np.asarray(samples * np.float32(10 ** (gain_db / 20))), SAMPLE_RATE_HZ)
        reached = integrated_loudness(limited, SAMPLE_RATE_HZ)
        if reached is None or abs(wanted - reached) < 0.1:
            break
        gain_db += wanted - reached
    return limited


def _faded_out(samples: FloatAudio) -> FloatAudio:
    """A copy whose last 12 ms fall to zero, so that the pause after it begins without a click."""
    count = min(round(FADE_OUT_S * SAMPLE_RATE_HZ), len(samples))
    faded = samples.copy()
    faded[len(samples) - count :] *= np.cos(np.linspace(0, np.pi / 2, count, dtype=np.float32)) ** 2
    return faded


def _without_trailing_silence(phones: tuple[TimedPhone, ...]) -> tuple[tuple[TimedPhone, ...], int]:
    """The phones with at most ``TRAILING_SILENCE_S`` after the last sound, and where they end."""
    last = phones[-1]
    if last.ipa:
        return phones, last.end
    end = min(last.end, last.start + round(TRAILING_SILENCE_S * SAMPLE_RATE_HZ))
    return (*phones[:-1], last.model_copy(update={"end": end})), end
