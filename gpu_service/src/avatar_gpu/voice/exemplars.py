"""A voice as its own recorded frames: learnt from a recording, spoken by re-using its pitch periods.

Learning. The base voice speaks known sentences (the bank). A map between the two speakers' features is found
without parallel speech; then the recording is followed through the bank frame by frame, which gives every
recorded frame the bank frame that sounds like it.

Where the words of the recording are known, the base voice says them too, and the recording is aligned to that
from beginning to end; a text that fits no better than any other is not used.

Speaking. Each frame of new base speech picks a recorded frame (base compared with base, mapped compared with
recorded), the path preferring frames that were recorded in sequence. Where nothing recorded is near, a local
spectral mapping stands in, which keeps words clear. The sound is made from the recording's own grains.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from avatar_gpu.voice import grains, world
from avatar_gpu.voice.features import Normaliser, Projection, distances, mel_cepstra
from avatar_gpu.voice.pitch import PitchStats, measure_pitch
from avatar_gpu.voice.selection import (
    apply_map,
    best_path,
    learn_map,
    monotone_path,
    ridge_towards_identity,
)
from avatar_gpu.voice.shaping import faded_edges, moved_f0
from avatar_gpu.voice.smoothing import gaussian
from avatar_gpu.voice.world import Frames, level

SCHEMA_VERSION = 3
ZIP_MAGIC = b"PK"
LEVEL_RMS = 0.05
"""Root mean square to which a recording's speech is brought before anything is learnt."""
MARGIN_FRAMES = 8
"""Frames around speech (40 ms) that may still be selected, and that are spoken."""
VOICING_COST = 6.0
ALIGN_VOICING_COST = 2.0
ALIGN_SILENCE_COST = 1.5
TEXT_FITS = 0.95
"""The words of a recording are believed where they cost at most this share of what the bank's words cost."""
MAX_RATE_CHANGE = 1.25
USUAL_RATE = 0.9
"""People read about a tenth more slowly than eSpeak at the usual setting (readers measured: 0.80 to 0.95)."""
UNCERTAIN_COST = 0.5
UNUSABLE_COST = 30.0
JUMP_COST = 6.0
MIN_REFIT_FRAMES = 100
GOOD_SHARE = 0.85
"""The share of aligned frames, best first, from which maps are refitted."""
CLUSTERS = (24, 12)
"""Clusters of voiced and of unvoiced frames for the local spectral mapping."""
SHRINK_FRAMES = 60.0
SOFT_FRAMES, SOFT_SCALE, SOFT_SHARE = 8, 0.6, 0.5
BLEND_SMOOTHING = 2.0
ENVELOPE_SMOOTHING = 0.8
PIECE_FRAMES = 300
BLEND_CLEAR, BLEND_ALIKE = (1.0, 6.0), (3.5, 16.0)
"""Distances at which recorded frames are wholly trusted and not at all, for likeness 0 and 1."""
RECORDED_LEVEL = 0.5
VARIANCE_LIMITS = (0.6, 1.8)


@dataclass(frozen=True)
class LocalMap:
    """Spectral differences that depend on where in feature space a frame lies.

    centres: (K, 40). differences: (K, 513) log power. scale: () width of the weights.
    """

    centres: NDArray[np.float32]
    differences: NDArray[np.float32]
    scale: float

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 513) difference for each row of ``features``."""
        squared = distances(features, self.centres) ** 2
        weight = np.exp(-(squared - squared.min(axis=1, keepdims=True)) / (2 * self.scale))
        weight /= weight.sum(axis=1, keepdims=True)
        return np.asarray(weight @ self.differences, dtype=np.float32)


@dataclass(frozen=True)
class ExemplarVoice:
    """Everything ``speak`` needs. N recorded frames.

    features, aligned: (N, 40) of the recording, and of the bank frames that it was aligned to.
    uncertainty: (N,) cost of the alignment above its median.
    voice_pitch: the speaker's pitch. pitch: eSpeak's pitch setting of the base voice that was compared.
    rate: the speaker's speed relative to the base voice's, ``USUAL_RATE`` where the words are unknown.
    aligned_to_text: the words were known and fitted.
    quality: median cost of the alignment; about 5 for a person, 2 to 4 for another synthetic voice.
    spread: (2, 513) mean of the mapped spectrum of voiced frames, and the factor on deviations from it that
        gives them the speaker's variance (mapping alone flattens).
    base_level, own_level: mean and deviation of frame levels, voiced then unvoiced.
    """

    voice_pitch: PitchStats
    pitch: int
    language: str
    rate: float
    aligned_to_text: bool
    samples: NDArray[np.float32]
    envelope: NDArray[np.float32]
    f0: NDArray[np.float64]
    voiced: NDArray[np.bool_]
    usable: NDArray[np.bool_]
    features: NDArray[np.float32]
    aligned: NDArray[np.float32]
    uncertainty: NDArray[np.float32]
    normaliser: Normaliser
    projection: Projection
    maps: tuple[NDArray[np.float32], NDArray[np.float32]]
    local: tuple[LocalMap, LocalMap]
    spread: NDArray[np.float32]
    base_level: NDArray[np.float32]
    own_level: NDArray[np.float32]
    quality: float
    marks: grains.Marks

    @property
    def median_hz(self) -> float:
        return self.voice_pitch.median_hz

    def save(self, path: Path) -> None:
        """Writes the value as npz; ``exemplars_from_bytes`` reads it."""
        path.write_bytes(self.to_bytes())

    def to_bytes(self) -> bytes:
        """The value as npz, without pickles."""
        header = {
            "schema_version": SCHEMA_VERSION,
            "voice_pitch": [self.voice_pitch.median, self.voice_pitch.deviation],
            "pitch": self.pitch,
            "language": self.language,
            "rate": self.rate,
            "aligned_to_text": self.aligned_to_text,
            "scales": [local.scale for local in self.local],
            "quality": self.quality,
        }
        buffer = io.BytesIO()
        np.savez(
            buffer,
            header=np.frombuffer(json.dumps(header).encode(), np.uint8),
            samples=np.round(self.samples * 32767).astype(np.int16),
            envelope=self.envelope.astype(np.float16),
            f0=self.f0.astype(np.float32),
            flags=np.stack([self.voiced, self.usable]),
            features=np.stack([self.features, self.aligned]),
            uncertainty=self.uncertainty,
            normaliser=np.stack([self.normaliser.mean, self.normaliser.deviation]),
            projection_mean=self.projection.mean,
            projection_axes=self.projection.axes,
            maps=np.stack(self.maps),
            voiced_centres=self.local[0].centres,
            voiced_differences=self.local[0].differences.astype(np.float16),
            unvoiced_centres=self.local[1].centres,
            unvoiced_differences=self.local[1].differences.astype(np.float16),
            spread=self.spread,
            mark_samples=self.marks.samples,
            mark_periods=self.marks.periods,
            levels=np.stack([self.base_level, self.own_level]),
        )
        return buffer.getvalue()


def exemplars_from_bytes(data: bytes) -> ExemplarVoice:
    """The value that ``to_bytes`` wrote.

    Raises:
        ValueError: another version, or no such file.
    """
    if not data.startswith(ZIP_MAGIC):
        raise ValueError("the file is no saved voice")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            header: dict[str, Any] = json.loads(bytes(file["header"]).decode())
            if header.get("schema_version") != SCHEMA_VERSION:
                raise ValueError(f"voice schema {header.get('schema_version')}, expected {SCHEMA_VERSION}")
            scales = header["scales"]
            return ExemplarVoice(
                voice_pitch=PitchStats(*header["voice_pitch"]),
                pitch=int(header["pitch"]),
                language=str(header["language"]),
                rate=float(header["rate"]),
                aligned_to_text=bool(header["aligned_to_text"]),
                samples=file["samples"].astype(np.float32) / 32767,
                envelope=file["envelope"].astype(np.float32),
                f0=file["f0"].astype(np.float64),
                voiced=file["flags"][0],
                usable=file["flags"][1],
                features=file["features"][0],
                aligned=file["features"][1],
                uncertainty=file["uncertainty"],
                normaliser=Normaliser(*file["normaliser"]),
                projection=Projection(file["projection_mean"], file["projection_axes"]),
                maps=(file["maps"][0], file["maps"][1]),
                local=(
                    LocalMap(
                        file["voiced_centres"], file["voiced_differences"].astype(np.float32), scales[0]
                    ),
                    LocalMap(
                        file["unvoiced_centres"], file["unvoiced_differences"].astype(np.float32), scales[1]
                    ),
                ),
                spread=file["spread"],
                base_level=file["levels"][0],
                own_level=file["levels"][1],
                quality=float(header["quality"]),
                marks=grains.Marks(file["mark_samples"], file["mark_periods"]),
            )
    except (OSError, KeyError, TypeError, EOFError, BadZipFile, json.JSONDecodeError) as error:
        raise ValueError("the file is no saved voice") from error


def near(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """True within ``width`` frames of a true frame."""
    spread = np.convolve(mask, np.ones(2 * width + 1))
    return np.asarray(spread[width : width + len(mask)] > 0.5)


def at_common_level(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """``samples`` with the RMS of their loud half at ``LEVEL_RMS``."""
    squares = np.square(samples[: len(samples) // 240 * 240].reshape(-1, 240)).mean(axis=1)
    loud = squares[squares >= np.median(squares)].mean() if len(squares) else 0.0
    gain = min(LEVEL_RMS / max(float(np.sqrt(loud)), 1e-6), 0.99 / max(float(np.abs(samples).max()), 1e-6))
    return np.asarray(samples * np.float32(gain), dtype=np.float32)


def learn(
    samples: NDArray[np.float32], pitch: int, language: str, bank: Frames, spoken: Frames | None = None
) -> ExemplarVoice:
    """The voice of a recording (T,) at 24 kHz.

    bank: the base voice at eSpeak's ``pitch`` in ``language``, best the recording's own. Nothing in the
        sounds tells reliably which language that is (nearest-neighbour distances to English, Mandarin and
        Spanish banks differ by less than between speakers).
    spoken: the base voice saying what the recording says, used where it fits.

    Raises:
        ValueError: too little voiced speech.
    """
    samples = at_common_level(samples)
    frames = world.analyse(samples, careful=True)
    voice_pitch = measure_pitch(frames)
    cepstra = mel_cepstra(frames.envelope)
    own_features = Normaliser.of(cepstra, frames.active).features(cepstra)
    cepstra = mel_cepstra(bank.envelope)
    normaliser = Normaliser.of(cepstra, bank.active)
    base_features = normaliser.features(cepstra)
    speech = np.concatenate([own_features[frames.active], base_features[bank.active]])
    projection = Projection.of(speech)
    base, own = projection(base_features), projection(own_features)
    maps = [learn_map(base[base_class], own[own_class]) for base_class, own_class in _classes(bank, frames)]
    alignment = _aligned_to_text(own, frames, maps, projection, normaliser, bank, spoken)
    aligned_to_text = alignment is not None
    if alignment is not None and spoken is not None:
        path, cost = alignment
        base, compared = projection(normaliser.features(mel_cepstra(spoken.envelope))), spoken
        rate = float(spoken.active.sum() / max(int(frames.active.sum()), 1))
    else:
        path, cost = _align(own, frames, _mapped(maps, base, bank.voiced), bank)
        compared, rate = bank, USUAL_RATE
    smooth_cost = gaussian(cost, 5.0)
    good = smooth_cost <= np.percentile(smooth_cost[frames.active], 100 * GOOD_SHARE)
    aligned = base[path]
    local: list[LocalMap] = []
    for index, (_, own_class) in enumerate(_classes(bank, frames)):
        chosen = own_class & good
        if chosen.sum() > MIN_REFIT_FRAMES:
            maps[index] = ridge_towards_identity(aligned[chosen], own[chosen])
        difference = frames.envelope[chosen] - compared.envelope[path[chosen]]
        local.append(_local_map(aligned[chosen], difference, CLUSTERS[index]))
    return ExemplarVoice(
        voice_pitch=voice_pitch,
        pitch=pitch,
        language=language,
        rate=float(np.clip(rate, 1 / MAX_RATE_CHANGE, MAX_RATE_CHANGE)),
        aligned_to_text=aligned_to_text,
        samples=samples,
        envelope=frames.envelope,
        f0=frames.f0,
        voiced=frames.voiced,
        usable=near(frames.active, MARGIN_FRAMES),
        features=own,
        aligned=aligned,
        uncertainty=np.maximum(smooth_cost - np.median(smooth_cost), 0).astype(np.float32),
        normaliser=normaliser,
        projection=projection,
        maps=(maps[0], maps[1]),
        local=(local[0], local[1]),
        spread=_spread(frames, compared, aligned, path, good, local[0]),
        base_level=_level_stats(compared),
        own_level=_level_stats(frames),
        quality=float(np.median(cost[frames.active])),
        marks=grains.pitch_marks(samples, frames.f0),
    )


def _classes(base: Frames, own: Frames) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    return [(base.voiced, own.voiced), (base.active & ~base.voiced, own.active & ~own.voiced)]


def _mapped(
    maps: list[NDArray[np.float32]] | tuple[NDArray[np.float32], ...],
    features: NDArray[np.float32],
    voiced: NDArray[np.bool_],
) -> NDArray[np.float32]:
    return np.where(voiced[:, None], apply_map(maps[0], features), apply_map(maps[1], features))


def _aligned_to_text(
    own: NDArray[np.float32],
    frames: Frames,
    maps: list[NDArray[np.float32]],
    projection: Projection,
    normaliser: Normaliser,
    bank: Frames,
    spoken: Frames | None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
    """The recording along ``spoken`` and what each frame cost; None where those are not its words.

    The bank's other words, as many, are the control: a text that is not said fits no better than they do.
    """
    if spoken is None or len(spoken.f0) > 2 * len(own):
        return None
    path, cost = _along(own, frames, maps, projection, normaliser, spoken)
    control = _looped(bank, len(spoken.f0))
    _, control_cost = _along(own, frames, maps, projection, normaliser, control)
    fits = np.median(cost[frames.active]) <= TEXT_FITS * np.median(control_cost[frames.active])
    if not fits:
        return None
    features = projection(normaliser.features(mel_cepstra(spoken.envelope)))
    good = cost <= np.percentile(cost[frames.active], 100 * GOOD_SHARE)
    refitted = list(maps)
    for index, own_class in enumerate((frames.voiced, frames.active & ~frames.voiced)):
        chosen = own_class & good
        if chosen.sum() > MIN_REFIT_FRAMES:
            refitted[index] = ridge_towards_identity(features[path[chosen]], own[chosen])
    return _along(own, frames, refitted, projection, normaliser, spoken)


def _along(
    own: NDArray[np.float32],
    frames: Frames,
    maps: list[NDArray[np.float32]],
    projection: Projection,
    normaliser: Normaliser,
    spoken: Frames,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    features = projection(normaliser.features(mel_cepstra(spoken.envelope)))
    costs = distances(own, _mapped(maps, features, spoken.voiced))
    for own_flag, flag, price in (
        (frames.voiced, spoken.voiced, ALIGN_VOICING_COST),
        (frames.active, spoken.active, ALIGN_SILENCE_COST),
    ):
        np.add(costs, np.float32(price), out=costs, where=own_flag[:, None] != flag[None])
    path = monotone_path(costs)
    return path, costs[np.arange(len(path)), path]


def _looped(frames: Frames, count: int) -> Frames:
    index = np.arange(count) % len(frames.f0)
    return Frames(frames.f0[index], frames.envelope[index], frames.active[index])


def _align(
    own: NDArray[np.float32],
    frames: Frames,
    mapped: NDArray[np.float32],
    bank: Frames,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each recorded frame the bank frame that sounds like it, and what that cost."""
    costs = distances(own, mapped)
    for own_flag, bank_flag in ((frames.voiced, bank.voiced), (frames.active, bank.active)):
        differ = own_flag[:, None] != bank_flag[None]
        np.add(costs, np.float32(ALIGN_VOICING_COST), out=costs, where=differ)
    follows = np.ones(len(mapped), bool)
    path = best_path(costs, follows, JUMP_COST)
    return path, costs[np.arange(len(path)), path]


def _local_map(features: NDArray[np.float32], difference: NDArray[np.float32], clusters: int) -> LocalMap:
    """Mean differences of k-means clusters, drawn to the mean of all by ``SHRINK_FRAMES``."""
    if len(features) == 0:
        return LocalMap(
            np.zeros((1, features.shape[1]), np.float32), np.zeros((1, world.BINS), np.float32), 1.0
        )
    count = max(1, min(clusters, len(features) // 30))
    rng = np.random.default_rng(0)
    centres = features[rng.choice(len(features), count, replace=False)].copy()
    for _ in range(15):
        nearest = distances(features, centres).argmin(axis=1)
        for index in range(count):
            members = features[nearest == index]
            if len(members):
                centres[index] = members.mean(axis=0)
    squared = distances(features, centres) ** 2
    scale = max(float(np.median(squared.min(axis=1))) * 0.35, 1e-3)
    weight = np.exp(-(squared - squared.min(axis=1, keepdims=True)) / (2 * scale))
    weight /= weight.sum(axis=1, keepdims=True)
    mass = weight.sum(axis=0)[:, None]
    mean = difference.mean(axis=0)
    differences = (weight.T @ difference + SHRINK_FRAMES * mean) / (mass + SHRINK_FRAMES)
    return LocalMap(centres.astype(np.float32), differences.astype(np.float32), scale)


def _spread(
    frames: Frames,
    bank: Frames,
    aligned: NDArray[np.float32],
    path: NDArray[np.int64],
    good: NDArray[np.bool_],
    local: LocalMap,
) -> NDArray[np.float32]:
    chosen = frames.voiced & good
    if chosen.sum() < 20:
        return np.stack([np.zeros(world.BINS, np.float32), np.ones(world.BINS, np.float32)])
    predicted = bank.envelope[path[chosen]] + local(aligned[chosen])
    predicted -= level(predicted)[:, None]
    recorded = frames.envelope[chosen] - level(frames.envelope[chosen])[:, None]
    factor = recorded.std(axis=0) / np.maximum(predicted.std(axis=0), 1e-3)
    factor = gaussian(np.clip(factor, *VARIANCE_LIMITS), 8.0)
    return np.stack([predicted.mean(axis=0), factor]).astype(np.float32)


def _level_stats(frames: Frames) -> NDArray[np.float32]:
    """(2, 2): mean and deviation of frame levels of voiced, then of unvoiced speech."""
    here = level(frames.envelope)
    unvoiced = frames.active & ~frames.voiced
    rows = [here[frames.voiced], here[unvoiced if unvoiced.sum() > 20 else frames.active]]
    return np.array([[row.mean(), max(row.std(), 0.1)] for row in rows], np.float32)


def speak(
    samples: NDArray[np.float32],
    voice: ExemplarVoice,
    base: PitchStats,
    likeness: float,
) -> NDArray[np.float32]:
    """``samples`` (T,) of the base voice at 24 kHz, said by ``voice``; (T,).

    base: pitch of the base voice in this language. likeness: 0 clear … 1 alike.
    """
    frames = world.analyse(samples, careful=False)
    features = voice.projection(voice.normaliser.features(mel_cepstra(frames.envelope)))
    path, recorded = _selected(frames, features, voice)
    chosen = np.maximum(path, 0)
    mapped = _locally_mapped(frames, features, voice)
    own_level = level(voice.envelope)[chosen]
    wanted = RECORDED_LEVEL * own_level + (1 - RECORDED_LEVEL) * _wanted_level(frames, voice)
    recorded += (wanted - level(recorded))[:, None]
    mapped += (wanted - level(mapped))[:, None]
    trust = _trust(features, chosen, voice, likeness)[:, None]
    envelope = gaussian(trust * recorded + (1 - trust) * mapped, ENVELOPE_SMOOTHING)
    f0 = grains.natural_f0(moved_f0(frames.f0, base, voice.voice_pitch))
    recording = grains.Recording(voice.samples, voice.envelope, voice.voiced, voice.marks)
    return faded_edges(grains.assemble(recording, path, envelope, f0, len(samples)))


def _selected(
    frames: Frames, features: NDArray[np.float32], voice: ExemplarVoice
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(T,) recorded frame for each frame, -1 in silence, and (T, 513) recorded envelopes.

    Each stretch of speech is a path of its own, in pieces of at most ``PIECE_FRAMES``, so that memory does
    not grow with the sentence.
    """
    spoken = np.concatenate([[False], near(frames.active, 4), [False]])
    edges = np.flatnonzero(spoken[1:] != spoken[:-1])
    path = np.full(len(features), -1, np.int64)
    recorded = np.zeros((len(features), world.BINS), np.float32)
    follows = np.ones(len(voice.features), bool)
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        for start in range(first, last, PIECE_FRAMES):
            piece = slice(start, min(start + PIECE_FRAMES, last))
            costs = _costs(features[piece], frames.voiced[piece], voice)
            path[piece] = best_path(costs, follows, JUMP_COST)
            recorded[piece] = _recorded_envelope(costs, path[piece], voice)
    return path, recorded


def _costs(
    features: NDArray[np.float32],
    voiced: NDArray[np.bool_],
    voice: ExemplarVoice,
) -> NDArray[np.float32]:
    """(T, N) how badly each recorded frame stands for each frame."""
    costs = distances(features, voice.aligned)
    costs += distances(_mapped(voice.maps, features, voiced), voice.features)
    np.add(costs, np.float32(VOICING_COST), out=costs, where=voiced[:, None] != voice.voiced[None])
    costs += UNCERTAIN_COST * voice.uncertainty + UNUSABLE_COST * ~voice.usable
    return costs


def _locally_mapped(
    frames: Frames, features: NDArray[np.float32], voice: ExemplarVoice
) -> NDArray[np.float32]:
    weight = gaussian(frames.voiced.astype(np.float32), 1.0)[:, None]
    change = weight * voice.local[0](features) + (1 - weight) * voice.local[1](features)
    mapped = frames.envelope + change
    here = level(mapped)[:, None]
    mean, factor = voice.spread
    widened = (mapped - here - mean) * factor + mean + here
    return np.asarray(weight * widened + (1 - weight) * mapped, dtype=np.float32)


def _wanted_level(frames: Frames, voice: ExemplarVoice) -> NDArray[np.float32]:
    """The base voice's levels with the mean and deviation of the speaker's."""
    here = level(frames.envelope)
    weight = gaussian(frames.voiced.astype(np.float32), 2.0)
    moved = [
        (here - voice.base_level[row, 0]) / voice.base_level[row, 1] * voice.own_level[row, 1]
        + voice.own_level[row, 0]
        for row in (0, 1)
    ]
    return np.asarray(weight * moved[0] + (1 - weight) * moved[1], dtype=np.float32)


def _recorded_envelope(
    costs: NDArray[np.float32], chosen: NDArray[np.int64], voice: ExemplarVoice
) -> NDArray[np.float32]:
    """Half the chosen frame, half a weighted mean of the best eight."""
    best = np.argpartition(costs, SOFT_FRAMES, axis=1)[:, :SOFT_FRAMES]
    cost = np.take_along_axis(costs, best, axis=1)
    weight = np.exp(-(cost - cost.min(axis=1, keepdims=True)) / SOFT_SCALE)
    weight /= weight.sum(axis=1, keepdims=True)
    mean = np.einsum("tk,tkf->tf", weight, voice.envelope[best])
    return np.asarray((1 - SOFT_SHARE) * voice.envelope[chosen] + SOFT_SHARE * mean, dtype=np.float32)


def _trust(
    features: NDArray[np.float32], chosen: NDArray[np.int64], voice: ExemplarVoice, likeness: float
) -> NDArray[np.float32]:
    """(T,) 1 where the recorded frame is near, 0 where the mapping must stand in."""
    apart = np.sqrt(np.square(features - voice.aligned[chosen]).sum(axis=1))
    near_at, far_at = (
        clear + (alike - clear) * likeness for clear, alike in zip(BLEND_CLEAR, BLEND_ALIKE, strict=True)
    )
    return gaussian(np.clip(1 - (apart - near_at) / (far_at - near_at), 0, 1), BLEND_SMOOTHING)
