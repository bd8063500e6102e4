"""What enrolling a voice or a portrait found out."""

from __future__ import annotations

from pydantic import Field

from avatar_contracts.model import Reply, Sha256


class Notice(Reply):
    """A warning a person can act on: a stable ``code`` and a sentence."""

    code: str
    detail: str


TRANSCRIPT_HEADER = "Voice-Transcript"
"""Of ``PUT /v1/voices/{sha256}``: what the recording says, percent-encoded UTF-8; ``Content-Language`` says
in which language. Headers, for addresses are logged and a person's words must not be."""
MAX_TRANSCRIPT_CHARS = 2_000


class VoiceSummary(Reply):
    """Answer of ``PUT /v1/voices/{sha256}``."""

    sha256: Sha256
    duration_s: float
    speech_s: float = Field(description="seconds of speech after silence is left out")
    sample_rate_hz: int
    f0_median_hz: float | None = Field(description="None where nothing voiced was found")
    f0_range_semitones: float | None = None
    snr_db: float | None = None
    clipped_fraction: float = 0.0
    language: str | None = Field(default=None, description="of the recording, where it was told")
    transcript: str | None = Field(default=None, description="what the recording says, where it was told")
    warnings: tuple[Notice, ...] = ()


class Box(Reply):
    """Pixels in the upright image; ``x``, ``y`` is the upper left corner."""

    x: float
    y: float
    width: float
    height: float


class HeadPose(Reply):
    """Degrees. Positive yaw turns to the subject's left (image right), positive pitch looks up,
    positive roll tilts clockwise in the image."""

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


SEVERAL_FACES = "several-faces"
"""Code of the warning that the photo shows several people and the largest face was taken, as was asked."""


class PortraitSummary(Reply):
    """Answer of ``PUT /v1/portraits/{sha256}``."""

    sha256: Sha256
    width_px: int
    height_px: int
    face: Box
    pose: HeadPose
    interocular_px: float = Field(description="distance between the outer eye corners")
    score: float = Field(ge=0.0, le=1.0, description="detector confidence")
    warnings: tuple[Notice, ...] = ()
