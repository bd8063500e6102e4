"""Settings keep the names that users know."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from avatar_runtime.settings import Settings

KNOWN = {
    "MODE": "production",
    "DEVICE": "cuda",
    "LOG_LEVEL": "DEBUG",
    "DEFAULT_REFERENCE_IMAGE": "me.png",
    "USE_EXTERNAL_GPU_SERVICE": "true",
    "GPU_SERVICE_URL": "http://gpu:8001",
    "DATABASE_URL": "sqlite:////srv/a.sqlite3",
    "STORAGE_URL": "file:///srv/my%20videos",
    "MODELS_DIR": "/models",
}


def test_every_known_name_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KNOWN.items():
        monkeypatch.setenv(name, value)
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    assert settings.mode == "production"
    assert settings.device == "cuda"
    assert settings.use_external_gpu_service
    assert settings.gpu_service_url == "http://gpu:8001"
    assert settings.resolved_database_url == "sqlite:////srv/a.sqlite3"
    assert settings.videos_dir == Path("/srv/my videos")
    assert settings.models_dir == Path("/models")


def test_an_empty_url_means_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATABASE_URL", "STORAGE_URL"):
        monkeypatch.setenv(name, "")
    settings = Settings(_env_file=None, data_dir=tmp_path)  # type: ignore[call-arg]
    assert settings.resolved_database_url == f"sqlite:///{tmp_path}/avatar.sqlite3"
    assert settings.videos_dir == tmp_path / "videos"


def test_storage_elsewhere_than_a_folder_is_refused_with_an_example() -> None:
    with pytest.raises(ValidationError, match="file:///"):
        Settings(_env_file=None, storage_url="s3://bucket")  # type: ignore[call-arg]
