"""The metrics: one file each, a small pure function ``Recording → Score``.

``METRICS`` is the list of them in the order of the report. A metric that needs what is not there answers
``Score.missing`` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from avatar_evaluator.metrics.audio_codec import audio_codec
from avatar_evaluator.metrics.av_difference import av_difference
from avatar_evaluator.metrics.blink_rate import blink_rate
from avatar_evaluator.metrics.change_variance import change_variance
from avatar_evaluator.metrics.clicks import clicks
from avatar_evaluator.metrics.clipping import clipping
from avatar_evaluator.metrics.edge_sharpness import edge_sharpness
from avatar_evaluator.metrics.face_share import face_share
from avatar_evaluator.metrics.flicker import flicker
from avatar_evaluator.metrics.frame_rate import frame_rate
from avatar_evaluator.metrics.frame_timing import frame_timing
from avatar_evaluator.metrics.frozen_frames import frozen_frames
from avatar_evaluator.metrics.jitter import jitter
from avatar_evaluator.metrics.latency_reported import latency_reported
from avatar_evaluator.metrics.latency_total import latency_total
from avatar_evaluator.metrics.leading_silence import leading_silence
from avatar_evaluator.metrics.longest_pause import longest_pause
from avatar_evaluator.metrics.loudness import loudness
from avatar_evaluator.metrics.mouth_in_silence import mouth_in_silence
from avatar_evaluator.metrics.mouth_in_speech import mouth_in_speech
from avatar_evaluator.metrics.not_built import NOT_BUILT, not_built
from avatar_evaluator.metrics.picture_size import picture_size
from avatar_evaluator.metrics.pitch_gap import pitch_gap
from avatar_evaluator.metrics.pitch_spread import pitch_spread
from avatar_evaluator.metrics.real_time_factor import real_time_factor
from avatar_evaluator.metrics.shake import shake
from avatar_evaluator.metrics.sharpness import sharpness
from avatar_evaluator.metrics.sync_confidence import sync_confidence
from avatar_evaluator.metrics.sync_drift import sync_drift
from avatar_evaluator.metrics.sync_offset import sync_offset
from avatar_evaluator.metrics.sync_score0 import sync_score0
from avatar_evaluator.metrics.time_to_result import time_to_result
from avatar_evaluator.metrics.trailing_silence import trailing_silence
from avatar_evaluator.metrics.true_peak import true_peak
from avatar_evaluator.metrics.video_codec import video_codec
from avatar_evaluator.metrics.voicing import voicing
from avatar_evaluator.recording import Recording
from avatar_evaluator.score import Score

Metric = Callable[[Recording], Score]

METRICS: dict[str, Metric] = {
    "latency.time_to_result": time_to_result,
    "latency.total": latency_total,
    "latency.reported": latency_reported,
    "latency.rtf": real_time_factor,
    "container.video_codec": video_codec,
    "container.audio_codec": audio_codec,
    "container.picture_size": picture_size,
    "container.frame_rate": frame_rate,
    "container.frame_timing": frame_timing,
    "container.av_difference": av_difference,
    "audio.loudness": loudness,
    "audio.true_peak": true_peak,
    "audio.leading_silence": leading_silence,
    "audio.trailing_silence": trailing_silence,
    "sync.score0": sync_score0,
    "sync.offset": sync_offset,
    "sync.confidence": sync_confidence,
    "sync.drift": sync_drift,
    "voice.pitch_gap": pitch_gap,
    "voice.pitch_spread": pitch_spread,
    "voice.voicing": voicing,
    "audio.clipping": clipping,
    "audio.clicks": clicks,
    "audio.longest_pause": longest_pause,
    "face.share": face_share,
    "face.mouth_in_speech": mouth_in_speech,
    "face.mouth_in_silence": mouth_in_silence,
    "face.blink_rate": blink_rate,
    "picture.jitter": jitter,
    "picture.shake": shake,
    "picture.flicker": flicker,
    "picture.change_variance": change_variance,
    "picture.frozen_frames": frozen_frames,
    "picture.sharpness": sharpness,
    "picture.edge_sharpness": edge_sharpness,
    **{name: partial(not_built, name) for name in NOT_BUILT},
}
"""Name → metric; the names are those of the gates."""


def score_all(recording: Recording) -> dict[str, Score]:
    """Every metric's score of ``recording``."""
    return {name: metric(recording) for name, metric in METRICS.items()}
