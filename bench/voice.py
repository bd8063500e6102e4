"""How much like the speaker, how clear and how fast the embedded voice is: ``python bench/voice.py DIR``.

DIR holds WAV files named ``SPEAKER-anything.wav``, at least two for each speaker: the longest clips up to 20 s
are the reference, the others are held out. Where each clip of a reference has its words next to it as ``.txt``,
``--transcripts en`` enrols with them. Controls in the same run: ``preset`` is the
default built-in voice, ``same`` the reference itself, ``short`` pieces of it as long as a spoken sentence (an
embedding of 4 s agrees less with itself than one of 20 s), ``other`` the reference of another speaker.

Similarity is the cosine of Resemblyzer embeddings to the held-out clips, word error rate that of pocketsphinx on
a closed matrix test; both packages are optional (``pip install resemblyzer pocketsphinx``) and a column whose
package is absent is left empty. Set OMP_NUM_THREADS=1 for times of one core.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar_contracts.speech import SpeechRequest
from avatar_gpu.media.audio import decode_audio
from avatar_gpu.protocols import AudioClip, EngineContext
from avatar_gpu.speech.espeak.engine import EspeakEngine
from avatar_gpu.voice.analysis import pitch_track

RATE = 24_000
REFERENCE_S = 20.0
PIECE_SAMPLES = 4 * RATE
SENTENCES = {
    "en": (
        "Please remember to save your work before you close the window.",
        "Our new product helps small companies reach customers in every country.",
        "In three minutes, you will have your own presenter, speaking any language you like.",
        "The weather in the mountains can change quickly, so bring a warm coat.",
    ),
    "zh": ("欢迎使用我们的平台，今天介绍三个简单的功能。", "请记得在关闭窗口之前保存你的工作。"),
    "es": (
        "Bienvenidos a la plataforma, hoy vamos a presentar tres funciones sencillas.",
        "Recuerda guardar tu trabajo antes de cerrar la ventana.",
    ),
}
MATRIX = (
    ["peter", "kathy", "lucy", "alan", "rachel", "barry", "steven", "thomas", "hannah", "nina"],
    ["got", "sees", "bought", "gives", "sold", "prefers", "has", "kept", "ordered", "wants"],
    ["three", "nine", "five", "eight", "four", "six", "two", "ten", "twelve", "seven"],
    ["large", "small", "old", "dark", "heavy", "green", "cheap", "pretty", "red", "white"],
    ["desks", "chairs", "shoes", "toys", "spoons", "mugs", "ships", "rings", "tables", "houses"],
)
"""Five slots of ten words; a recogniser that knows the grammar measures clarity, not its own language model."""

Samples = NDArray[np.float32]
Embed = Callable[[Samples], NDArray[np.float64]]


@dataclass
class Speaker:
    """A reference and what was held out of it; (T,) float32 at 24 kHz."""

    name: str
    reference: Samples
    held_out: list[Samples]
    transcript: str | None = None


def load(folder: Path) -> list[Speaker]:
    """The speakers of ``folder`` that have two clips or more."""
    files: dict[str, list[tuple[Samples, str | None]]] = defaultdict(list)
    for path in sorted(folder.glob("*.wav")):
        words = path.with_suffix(".txt")
        text = words.read_text(encoding="utf-8").strip() if words.exists() else None
        files[path.stem.split("-")[0]].append((decode_audio(path.read_bytes(), RATE), text))
    speakers = []
    for name, clips in files.items():
        if len(clips) < 2:
            continue
        clips.sort(key=lambda clip: len(clip[0]), reverse=True)
        taken = [clips[0]]
        rest = clips[1:]
        while len(rest) > 1 and sum(len(clip) for clip, _ in taken) < REFERENCE_S * RATE:
            taken.append(rest.pop(0))
        texts = [text for _, text in taken]
        transcript = None if None in texts else " ".join(text for text in texts if text)
        reference = np.concatenate([clip for clip, _ in taken])
        if transcript is None:
            reference = reference[: round(REFERENCE_S * RATE)]
        speakers.append(Speaker(name, reference, [clip for clip, _ in rest], transcript))
    return speakers


def at_level(samples: Samples) -> Samples:
    """``samples`` at an RMS of 0.05: the embedding depends on level."""
    return np.asarray(samples * (0.05 / max(float(np.sqrt(np.mean(samples**2))), 1e-9)), np.float32)


def embedder() -> Embed | None:
    """Resemblyzer's embedding of a clip, None where it is not installed."""
    if importlib.util.find_spec("resemblyzer") is None:
        return None
    resemblyzer = importlib.import_module("resemblyzer")
    encoder = resemblyzer.VoiceEncoder("cpu", verbose=False)

    def embed(samples: Samples) -> NDArray[np.float64]:
        wav = resemblyzer.preprocess_wav(at_level(samples), source_sr=RATE)
        return np.asarray(encoder.embed_utterance(wav), np.float64)

    return embed


def matrix_sentences(count: int) -> list[str]:
    """The first ``count`` of a fixed balanced order."""
    rng = np.random.default_rng(3)
    orders = [rng.permutation(10) for _ in MATRIX]
    return [
        " ".join(
            words[order[(index + shift) % 10]]
            for shift, (words, order) in enumerate(zip(MATRIX, orders, strict=True))
        )
        for index in range(count)
    ]


class Recogniser:
    """pocketsphinx with the matrix grammar."""

    def __init__(self) -> None:
        pocketsphinx = importlib.import_module("pocketsphinx")
        self._decoder = pocketsphinx.Decoder(samprate=16_000, loglevel="FATAL")
        slots = " ".join(f"({' | '.join(words)})" for words in MATRIX)
        self._decoder.add_jsgf_string("matrix", f"#JSGF V1.0; grammar m; public <s> = {slots};")
        self._decoder.activate_search("matrix")

    def words(self, samples: Samples) -> list[str]:
        """The words that were heard, [] where the grammar does not fit."""
        soxr = importlib.import_module("soxr")
        sound = soxr.resample(samples, RATE, 16_000)
        sound = np.concatenate([np.zeros(3_200), sound / np.abs(sound).max() * 0.6, np.zeros(3_200)])
        sound = sound + 1e-3 * np.random.default_rng(0).standard_normal(len(sound))
        self._decoder.start_utt()
        self._decoder.process_raw((sound * 32767).astype("<i2").tobytes(), no_search=False, full_utt=True)
        try:
            self._decoder.end_utt()
        except RuntimeError:
            return []
        found = self._decoder.hyp()
        return [word.split("(")[0] for word in found.hypstr.split()] if found else []


def error_rate(said: list[str], heard: list[list[str]]) -> float:
    """Words that are wrong in their slot, of all words."""
    wrong = sum(
        sum(a != b for a, b in zip(text.split(), words, strict=False)) + max(0, 5 - len(words))
        for text, words in zip(said, heard, strict=True)
    )
    return wrong / (5 * len(said))


def roughness_db(samples: Samples) -> float:
    """Modulation energy of mel bands at 20-50 Hz over that at 2-12 Hz; higher is buzzier or choppier."""
    hop, size = RATE // 200, 512
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    bands = np.add.reduceat(power, np.unique(np.geomspace(2, size // 3, 24).astype(int)), axis=1)
    level = np.log(bands + 1e-6)
    spectrum = np.abs(np.fft.rfft(level - level.mean(axis=0), axis=0)) ** 2
    rate = np.fft.rfftfreq(len(level), 1 / 200)
    fast = spectrum[(rate > 20) & (rate < 50)].sum()
    slow = spectrum[(rate > 2) & (rate < 12)].sum()
    return float(10 * np.log10(fast / slow))


def median_hz(samples: Samples) -> float:
    """Median F0."""
    f0 = pitch_track(samples)
    return float(np.median(f0[f0 > 0]))


def cpu_s(pids: tuple[int, ...]) -> float:
    """Processor time of processes, where /proc tells it."""
    total = 0.0
    for pid in pids:
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists():
            user, system = stat.read_text().rsplit(")", 1)[1].split()[11:13]
            total += (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return total


def main() -> int:
    """Prints one line a speaker and language, and the means."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--likeness", type=float, default=0.5)
    parser.add_argument("--transcripts", metavar="LANGUAGE", help="enrol with the words, in this language")
    parser.add_argument("--matrix", type=int, default=10, help="sentences of the word error test")
    arguments = parser.parse_args()
    speakers = load(arguments.folder)
    if not speakers:
        print(f"{arguments.folder} holds no speaker with two clips named SPEAKER-*.wav", file=sys.stderr)
        return 2
    embed = embedder()
    recogniser = Recogniser() if importlib.util.find_spec("pocketsphinx") else None
    engine = EspeakEngine(EngineContext("cpu", Path(), 1))
    try:
        report(
            engine, speakers, arguments.likeness, arguments.matrix, embed, recogniser, arguments.transcripts
        )
    finally:
        engine.close()
    return 0


def report(
    engine: EspeakEngine,
    speakers: list[Speaker],
    likeness: float,
    matrix: int,
    embed: Embed | None,
    recogniser: Recogniser | None,
    transcripts: str | None,
) -> None:
    """Measures and prints."""
    engine.warm()
    centres = {s.name: np.mean([embed(c) for c in s.held_out], axis=0) for s in speakers} if embed else {}
    centres = {name: centre / np.linalg.norm(centre) for name, centre in centres.items()}
    if embed:
        own = {s.name: embed(s.reference) for s in speakers}
        same = np.mean([own[s.name] @ centres[s.name] for s in speakers])
        other = [own[a.name] @ centres[b.name] for a, b in product(speakers, speakers) if a is not b]
        pieces = [
            embed(s.reference[start : start + PIECE_SAMPLES]) @ centres[s.name]
            for s in speakers
            for start in range(0, len(s.reference) - PIECE_SAMPLES, PIECE_SAMPLES)
        ]
        print(
            f"controls: same {same:.3f}, short {np.mean(pieces):.3f}, other {np.mean(other) if other else float('nan'):.3f}"
        )
    print("speaker     lang  alike  preset    wer pre-wer  f0 st  rough (ref)  rtf    enrol s  MB")
    rows: list[list[float]] = []
    for speaker in speakers:
        started = time.perf_counter()
        words = speaker.transcript if transcripts else None
        recording = AudioClip(speaker.reference, RATE)
        voice = engine.enrol(recording, language=transcripts, transcript=words)
        if words is not None and not voice.aligned_to_text:
            print(f"{speaker.name}: the transcript does not fit")
        enrol_s = time.perf_counter() - started

        def say(text: str, language: str, *, preset: bool, voice: object = voice) -> Samples:
            name = None if preset else "0" * 64
            request = SpeechRequest(text=text, language=language, voice=name, likeness=likeness)
            clips = engine.speak(request, None if preset else voice, lambda: False)  # type: ignore[arg-type]
            return np.concatenate([clip.samples for clip in clips])

        for language, texts in SENTENCES.items():
            pids = (*engine.pids, os.getpid())
            before = cpu_s(pids)
            spoken = [say(text, language, preset=False) for text in texts]
            rtf = (cpu_s(pids) - before) / (sum(map(len, spoken)) / RATE)
            plain_speech = [say(text, language, preset=True) for text in texts]
            alike, plain = (
                (
                    float(np.mean([embed(x) @ centres[speaker.name] for x in group]))
                    for group in (spoken, plain_speech)
                )
                if embed
                else (float("nan"), float("nan"))
            )
            rates = [float("nan"), float("nan")]
            if recogniser is not None and language == "en" and matrix:
                said = matrix_sentences(matrix)
                rates = [
                    error_rate(said, [recogniser.words(say(f"{t}.", "en", preset=is_preset)) for t in said])
                    for is_preset in (False, True)
                ]
            f0 = 12 * np.log2(np.mean([median_hz(x) for x in spoken]) / median_hz(speaker.reference))
            row = [
                alike, plain, *rates, float(f0), float(np.mean([roughness_db(x) for x in spoken])),
                roughness_db(speaker.reference), rtf, enrol_s, len(voice.profile()) / 1e6,
            ]  # fmt: skip
            rows.append(row)
            print(f"{speaker.name:12}{language:4}" + " ".join(f"{value:7.3f}" for value in row), flush=True)
    print(f"{'mean':16}" + " ".join(f"{value:7.3f}" for value in np.nanmean(rows, axis=0)))


if __name__ == "__main__":
    raise SystemExit(main())
