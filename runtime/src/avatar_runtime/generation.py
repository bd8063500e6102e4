"""``POST /api/v1/generate``: what a caller may ask for, and how it becomes a job."""

from __future__ import annotations

from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from avatar_contracts.health import EngineInfo
from avatar_contracts.languages import LanguageTag, primary_subtag
from avatar_contracts.model import Request
from avatar_contracts.performance import FrameRate, Framing, MotionOptions, RenderOptions
from avatar_contracts.problems import AssetNotFound, InvalidRequest
from avatar_contracts.speech import Emotion
from avatar_runtime.engine_list import Engines, check_language
from avatar_runtime.enrolment import Enrolment
from avatar_runtime.jobs import JobSpec
from avatar_runtime.library import Asset, Kind, Library
from avatar_runtime.planning import clean_script
from avatar_runtime.settings import Settings

FPS_MIN = 1
FPS_MAX = 120
_NTSC = {Fraction(2997, 100): Fraction(30_000, 1001), Fraction(5994, 100): Fraction(60_000, 1001)}
_FILM = {Fraction(23_976, 1000): Fraction(24_000, 1001), Fraction(2398, 100): Fraction(24_000, 1001)}


def parse_frame_rate(value: Any) -> FrameRate:
    """Frames per second from 25, 29.97, "30" or "30000/1001".

    Raises:
        ValueError: not a rate, or outside 1…120.
    """
    if isinstance(value, FrameRate):
        return value
    try:
        rate = Fraction(str(value).strip())
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError('write frames per second as 25, 29.97 or "30000/1001"') from error
    rate = {**_NTSC, **_FILM}.get(rate, rate)
    if not FPS_MIN <= rate <= FPS_MAX:
        raise ValueError(f"frames per second must lie between {FPS_MIN} and {FPS_MAX}")
    if rate.denominator > 1001:
        raise ValueError('this rate has no exact form; write it as a ratio such as "30000/1001"')
    return FrameRate(num=rate.numerator, den=rate.denominator)


class EngineChoice(Request):
    """Engines by name; absent means the server's default. ``GET /api/v1/engines`` lists them."""

    speech: str | None = None
    motion: str | None = None
    render: str | None = None


class GenerateRequest(Request):
    """A script, its language, and how it shall be said and shown."""

    text: str = Field(description="what the avatar says", examples=["Hello from GPU acceleration!"])
    language: LanguageTag = Field(description="BCP 47 tag: en, zh, zh-cn, es, es-MX …", examples=["en"])
    reference_image: str | None = Field(
        default=None, description="a photo in the library by name or hash; absent: the server's default"
    )
    pick_face: Literal["only", "largest"] = Field(
        default="only", description="largest: of a photo of several people the largest face; only: refuse it"
    )
    voice: str | None = Field(
        default=None,
        description="a recording in the library by name or hash, or a built-in voice of the speech engine",
    )
    size_px: int | None = Field(
        default=None,
        ge=128,
        le=1080,
        description="head: side of the square picture, 512 where absent; full: the shorter side, the photo's "
        "own size where absent; even",
    )
    framing: Framing = Field(
        default="head", description="head: a square around the head; full: the whole photo at its own shape"
    )
    fps: Annotated[FrameRate, BeforeValidator(parse_frame_rate)] = Field(
        default=FrameRate(),
        description='frames per second: 25, 29.97 or "30000/1001"',
        json_schema_extra={"anyOf": [{"type": "number"}, {"type": "string"}], "default": 25},
    )
    speed: float = Field(default=1.0, ge=0.5, le=2.0, description="of speech; 1 is the voice's own")
    seed: int | None = Field(
        default=None,
        ge=0,
        le=2**31 - 1,
        description="equal requests with equal seeds move alike; absent: taken from the text",
    )
    expressiveness: float = Field(default=0.5, ge=0.0, le=1.0)
    head_motion: float = Field(default=0.5, ge=0.0, le=1.0)
    emotion: Emotion = "neutral"
    likeness: float = Field(default=0.5, ge=0.0, le=1.0, description="of the voice: 0 clear … 1 alike")
    engines: EngineChoice = EngineChoice()
    respond_async: bool = Field(
        default=False, alias="async", description="answer 202 with the job at once, do not wait"
    )

    @model_validator(mode="after")
    def _even_size(self) -> GenerateRequest:
        if self.size_px is not None and self.size_px % 2:
            raise ValueError("size_px must be even")
        return self


class Resolution:
    """Turns a request into a job: names become hashes, and everything that can be refused is refused now."""

    def __init__(self, settings: Settings, library: Library, enrolment: Enrolment, engines: Engines) -> None:
        self._settings = settings
        self._library = library
        self._enrolment = enrolment
        self._engines = engines

    async def resolve(
        self, request: GenerateRequest, *, photo: Asset | None = None, recording: Asset | None = None
    ) -> JobSpec:
        """The job's specification. ``photo`` and ``recording`` were sent along with the request.

        The photo and the recording are enrolled at the GPU service before the job exists.

        Raises:
            AvatarError: any refusal, as the caller shall see it.
        """
        text = clean_script(request.text, max_chars=self._settings.max_text_chars)
        portrait = photo or await self._portrait(request.reference_image)
        speech = await self._engines.choose("speech", request.engines.speech)
        for capability in ("motion", "render"):
            await self._engines.choose(capability, getattr(request.engines, capability))
        check_language(speech, request.language)
        voice = recording or await self._voice(request, speech)
        notices = (
            await self._enrolment.ensure(portrait, pick_largest=request.pick_face == "largest")
        ).warnings
        if isinstance(voice, Asset):
            notices += (await self._enrolment.ensure(voice)).warnings
        return JobSpec(
            text=text,
            language=request.language,
            portrait=portrait.sha256,
            voice=voice.sha256 if isinstance(voice, Asset) else voice,
            speech_engine=request.engines.speech,
            speed=request.speed,
            likeness=request.likeness,
            emotion=request.emotion,
            motion=MotionOptions(
                engine=request.engines.motion,
                seed=seed_of(text) if request.seed is None else request.seed,
                expressiveness=request.expressiveness,
                head_motion=request.head_motion,
                emotion=request.emotion,
            ),
            render=RenderOptions(
                engine=request.engines.render,
                size_px=request.size_px,
                framing=request.framing,
                frame_rate=request.fps,
            ),
            notices=notices,
        )

    async def _portrait(self, name: str | None) -> Asset:
        if name is not None:
            return await self._library.find(Kind.PORTRAIT, name)
        default = self._settings.default_reference_image
        if Path(default).is_absolute() or len(Path(default).parts) > 1:
            return await self._library.at_path(Kind.PORTRAIT, Path(default))
        return await self._library.find(Kind.PORTRAIT, default)

    async def _voice(self, request: GenerateRequest, speech: EngineInfo) -> Asset | str | None:
        name = request.voice or self._settings.default_voice
        if not name:
            return await self._voice_of_language(request.language)
        try:
            return await self._library.find(Kind.VOICE, name)
        except AssetNotFound as error:
            if name in speech.voices:
                return name
            raise AssetNotFound(
                "Neither the library nor the speech engine has a voice of this name; "
                "GET /api/v1/voices lists what there is."
            ) from error

    async def _voice_of_language(self, language: str) -> Asset | None:
        installed = {
            (asset.name or "").rpartition(".")[0].lower(): asset
            for asset in await self._library.all_of(Kind.VOICE)
            if not asset.uploaded
        }
        for name in (language.lower(), primary_subtag(language), "default"):
            if name in installed:
                return installed[name]
        return None


def seed_of(text: str) -> int:
    """A seed that is the same for the same text and differs for others."""
    return int.from_bytes(sha256(text.encode()).digest()[:4]) & (2**31 - 1)


def request_from_form(fields: dict[str, str]) -> GenerateRequest:
    """The request in the text fields of a form; ``engines`` is ``engines.speech=…`` or JSON.

    Raises:
        ValidationError: the fields do not fit.
        InvalidRequest: ``engines`` is given twice.
    """
    plain: dict[str, Any] = {}
    engines: dict[str, str] = {}
    for name, value in fields.items():
        if name.startswith("engines."):
            engines[name.removeprefix("engines.")] = value
        elif name == "engines":
            plain["engines"] = EngineChoice.model_validate_json(value)
        elif value != "" or name == "text":
            plain[name] = value
    if engines:
        if "engines" in plain:
            raise InvalidRequest("engines: give either one JSON field or fields such as engines.speech")
        plain["engines"] = engines
    return GenerateRequest.model_validate(plain)
