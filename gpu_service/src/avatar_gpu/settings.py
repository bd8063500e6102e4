"""Settings of the GPU service, read from the environment once, by whoever calls ``Settings()``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Each field is an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore")

    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """Where models run. ``auto`` takes cuda, then mps, then cpu."""

    models_dir: Path = Path("models")
    """Model files: ``mediapipe/*.tflite`` and later ``xtts/``, ``liveportrait/``."""

    data_dir: Path = Path("data")
    """Enrolled voices and portraits are cached below ``enrolled/``; safe to delete at any time."""

    log_level: str = "INFO"

    speech_engine: str = "espeak"
    """Engine of a request that names none."""

    motion_engine: str = "phonetic"
    render_engine: str = "mesh"

    licence_profile: Literal["any", "commercial"] = "any"
    """``commercial`` refuses engines whose weights forbid commercial use."""

    video_encoder: Literal["libx264", "h264_nvenc"] = "libx264"
    """H.264 encoder that PyAV offers here."""

    max_concurrent_tasks: int = Field(default=2, ge=1)
    """Speech and performance requests that work at the same time."""

    max_waiting_tasks: int = Field(default=8, ge=0)
    """Requests that wait for a place; one more is answered 503 with Retry-After."""

    speech_workers: int = Field(default=2, ge=1)
    """Worker processes of a speech engine."""

    max_upload_bytes: int = Field(default=64 * 1024 * 1024, ge=1024)
    """Largest photo or recording."""

    enrolment_cache_bytes: int = Field(default=2 * 1024**3, ge=1024 * 1024)
    """The least recently used enrolments above this total are deleted."""

    engine_idle_s: float = Field(default=0.0, ge=0.0)
    """Engines unused for this long are unloaded; 0 keeps them."""

    warm_on_start: bool = True
    """Load and warm the default engines before the first request."""
