"""One video with everything known about how it came to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from avatar_evaluator.avsync.clip import ClipSync, sync_of
from avatar_evaluator.media import AudioStream, Media
from avatar_evaluator.observation import Observation, Unseen
from avatar_evaluator.scenario import Scenario


@dataclass(frozen=True)
class Delivery:
    """How the runtime delivered a video.

    job: the job document as the API answered.
    answer_s: until the first answer to the request; result_s: until the job was complete; total_s: until the
        last byte of the video was here. All from the moment the request was sent.
    """

    job: Mapping[str, Any]
    answer_s: float
    result_s: float
    total_s: float


@dataclass(frozen=True)
class References:
    """What the video should resemble: a recording of the voice, an observation of the portrait."""

    voice: AudioStream | None = None
    portrait: Observation | None = None


NOT_LOOKED_AT = Unseen("the picture was not looked at")
NO_REFERENCES = References()


@dataclass(frozen=True)
class Recording:
    """What a metric gets to see. ``delivery`` is None for a file that was not asked for here."""

    path: Path
    media: Media
    scenario: Scenario | None = None
    delivery: Delivery | None = None
    face: Observation | Unseen = NOT_LOOKED_AT
    references: References = NO_REFERENCES

    @cached_property
    def sync(self) -> ClipSync | Unseen:
        """What the sound and the mouth say about each other; worked out once for all metrics of it."""
        return sync_of(self.face, self.media.audio)
