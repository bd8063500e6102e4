"""Base models: requests are strict, everything that travels back is tolerant."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""Lower-case hexadecimal SHA-256 of an uploaded file's bytes: the identity of a voice or portrait."""


class Request(BaseModel):
    """Something a client sends. Unknown fields are refused, so that a typo is never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Reply(BaseModel):
    """Something a server sends. Unknown fields are ignored, so that an older peer can read it."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_bytes="base64")
