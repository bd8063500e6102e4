"""An analysed portrait on disk: one npz without pickles, written whole or not at all."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from uuid import uuid4

import numpy as np
from pydantic import ValidationError

from avatar_contracts.enrolment import PortraitSummary
from avatar_gpu.portrait.topology import LANDMARKS
from avatar_gpu.protocols import Portrait

PORTRAIT_VERSION = 3
"""Grows whenever the analysis would answer differently for the same photo."""


def save_portrait(portrait: Portrait, path: Path) -> None:
    """Writes ``path``; the matte is kept with 8 bits."""
    header = {"version": PORTRAIT_VERSION, "summary": portrait.summary.model_dump(mode="json")}
    matte = np.zeros((0, 0)) if portrait.matte is None else portrait.matte
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with temporary.open("wb") as file:
            np.savez(
                file,
                header=np.frombuffer(json.dumps(header).encode(), np.uint8),
                image=portrait.image,
                landmarks=portrait.landmarks,
                matte=np.round(matte * 255).astype(np.uint8),
            )
        os.replace(temporary, path)  # noqa: PTH105  (Path.replace is the same call)
    finally:
        temporary.unlink(missing_ok=True)


def load_portrait(path: Path) -> Portrait:
    """The portrait that ``save_portrait`` wrote.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file is damaged or of another version; analyse the photo again.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(bytes(file["header"]).decode())
            if header["version"] != PORTRAIT_VERSION:
                raise ValueError(f"portrait version {header['version']}, expected {PORTRAIT_VERSION}")
            image, landmarks = file["image"], file["landmarks"]
            matte = file["matte"].astype(np.float32) / 255
            summary = PortraitSummary.model_validate(header["summary"])
    except (zipfile.BadZipFile, EOFError, KeyError, TypeError, ValidationError) as error:
        raise ValueError(f"{path.name} is not a stored portrait") from error
    if landmarks.shape != (LANDMARKS, 3) or image.ndim != 3 or image.dtype != np.uint8:
        raise ValueError(f"{path.name} holds arrays of another form")
    return Portrait(image, landmarks.astype(np.float32), matte if matte.size else None, summary)
