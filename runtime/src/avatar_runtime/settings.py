"""Settings of the runtime, read from the environment once, by whoever calls ``Settings()``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Each field is an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore")

    mode: Literal["local", "production"] = "local"
    """Shown by ``/health``; ``production`` writes logs as JSON lines."""

    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """Where the embedded GPU service runs its models; a GPU service of its own has its own setting."""

    log_level: str = "INFO"

    host: str = "127.0.0.1"
    """Address to listen on; ``0.0.0.0`` in a container."""

    port: int = Field(default=8000, ge=0, le=65_535)

    default_reference_image: str = "astronaut.png"
    """Portrait of a request that names none: a name in the library, or a path of the operator's choice."""

    default_voice: str = ""
    """Voice of a request that names none. Empty: the recording in ``assets/voice`` that is named after the
    language (``es-MX.wav``, then ``es.wav``, then ``default.wav``), else the speech engine's own voice."""

    use_external_gpu_service: bool = False
    """False holds the GPU service in this process; true talks to ``gpu_service_url``."""

    gpu_service_url: str = "http://127.0.0.1:8001"

    database_url: str = ""
    """SQLAlchemy URL. Empty: SQLite in ``data_dir``. Several runtimes may share a database, not a data
    folder: each works on the jobs that it accepted."""

    storage_url: str = ""
    """Where finished videos are kept, as a ``file://`` URL. Empty: ``videos`` in ``data_dir``."""

    models_dir: Path = Path("models")
    """Model files of the embedded GPU service."""

    data_dir: Path = Path("data")
    """Jobs, uploads and videos. One running process owns it."""

    assets_dir: Path = Path("assets")
    """The library that came with the installation: ``images`` and ``voice``. Read only."""

    generate_wait_s: float = Field(default=120.0, ge=0.0)
    """How long ``POST /api/v1/generate`` waits for the video before it answers 202 with the job."""

    max_text_chars: int = Field(default=40_000, ge=1)
    """Longest script; about 45 minutes of English."""

    max_upload_bytes: int = Field(default=64 * 1024 * 1024, ge=1024)
    """Largest photo or recording."""

    job_concurrency: int = Field(default=2, ge=1)
    """Jobs that work at the same time."""

    job_attempts: int = Field(default=5, ge=1)
    """How often one job is taken up without finishing one more segment, counting deaths of the runtime."""

    retry_for_s: float = Field(default=60.0, ge=0.0)
    """How long a job goes on trying after the GPU service broke off, before it ends failed."""

    capacity_wait_s: float = Field(default=1800.0, ge=0.0)
    """How long a job waits for a GPU service that answers that every place is taken."""

    stream_idle_s: float = Field(default=300.0, gt=0.0)
    """A stream from the GPU service that is silent for longer is taken for dead."""

    @model_validator(mode="after")
    def _storage_is_local(self) -> Self:
        if self.storage_url and urlsplit(self.storage_url).scheme != "file":
            raise ValueError("STORAGE_URL must be a file:// URL, for example file:///srv/avatar/videos")
        return self

    @property
    def videos_dir(self) -> Path:
        """The folder of finished videos."""
        if self.storage_url:
            return Path(unquote(urlsplit(self.storage_url).path))
        return self.data_dir / "videos"

    @property
    def resolved_database_url(self) -> str:
        """``database_url``, or the SQLite file in ``data_dir``."""
        return self.database_url or f"sqlite:///{self.data_dir / 'avatar.sqlite3'}"
