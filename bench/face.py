"""What a face costs: CPU milliseconds a frame by stage and size, beside the physical floor of the same run.

The floor is what no renderer of this kind can go below: one bilinear ``cv2.remap`` of the moving square, the colour
conversion to I420 and the encoder. Everything runs on one thread; figures are medians of ``--repeats`` runs
of processor time, so a busy machine does not change them much.

    python bench/face.py [--photo assets/images/astronaut.png] [--sizes 256 360 512 720] [--repeats 5]
                         [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import av  # noqa: E402  (after the thread limits)
import cv2  # noqa: E402
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from avatar_contracts.motion import COEFFICIENT_INDEX, EXTRA_INDEX, MotionTrack  # noqa: E402
from avatar_contracts.performance import Framing  # noqa: E402
from avatar_gpu.portrait import PortraitAnalyser, save_portrait  # noqa: E402
from avatar_gpu.protocols import EngineContext, Portrait, RgbImage  # noqa: E402
from avatar_gpu.render.mesh import engine as mesh_engine  # noqa: E402
from avatar_gpu.render.mesh.engine import MeshEngine, MeshLikeness  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
FRAME_RATE = 25
AUDIO_RATE_HZ = 48_000
AAC_FRAME_SAMPLES = 1024
STAGES = ("bend", "rasterise", "sample", "compose", "draw_eye", "draw_mouth")


def speech_like(frames: int) -> MotionTrack:
    """Syllables at 4 Hz with turns, gaze and a blink every two seconds."""
    t = np.arange(frames) / FRAME_RATE
    track = MotionTrack.rest(frames)
    jaw = 0.25 * (1 - np.cos(2 * np.pi * 4 * t)) / 2 + 0.1 * np.sin(2 * np.pi * 1.3 * t) ** 2
    track.coeffs[:, COEFFICIENT_INDEX["jawOpen"]] = jaw
    track.coeffs[:, COEFFICIENT_INDEX["mouthPucker"]] = 0.5 * np.clip(np.sin(2 * np.pi * 0.9 * t), 0, 1)
    for side in ("Left", "Right"):
        track.coeffs[:, COEFFICIENT_INDEX["eyeBlink" + side]] = np.clip(1 - np.abs((t % 2) - 1) * 8, 0, 1)
        track.coeffs[:, COEFFICIENT_INDEX["mouthLowerDown" + side]] = 0.5 * jaw
    track.rotation[:, 0] = np.radians(5) * np.sin(2 * np.pi * 0.3 * t)
    track.rotation[:, 1] = np.radians(3) * np.sin(2 * np.pi * 0.5 * t)
    track.gaze[:, :, 0] = 0.1 * np.sin(2 * np.pi * 0.4 * t)[:, None]
    track.extras[:, EXTRA_INDEX["speaking"]] = 1
    return track


@dataclass
class Clock:
    """Processor milliseconds by stage."""

    spent: dict[str, float] = field(default_factory=dict)

    def wrap(self, name: str, function: Callable[..., object]) -> Callable[..., object]:
        def timed(*args: object, **kwargs: object) -> object:
            start = time.process_time_ns()
            result = function(*args, **kwargs)
            self.spent[name] = self.spent.get(name, 0.0) + (time.process_time_ns() - start) / 1e6
            return result

        return timed


@contextmanager
def observed(clock: Clock) -> Iterator[None]:
    """The renderer's stages report to ``clock`` while the context lasts."""
    kept = {name: getattr(mesh_engine, name) for name in STAGES}
    for name, function in kept.items():
        setattr(mesh_engine, name, clock.wrap(name, function))
    try:
        yield
    finally:
        for name, function in kept.items():
            setattr(mesh_engine, name, function)


def cpu_ms(work: Callable[[], object]) -> float:
    start = time.process_time_ns()
    work()
    return (time.process_time_ns() - start) / 1e6


def encode(frames: list[RgbImage]) -> list[av.Packet]:
    """H.264 as the service makes it: I420 by OpenCV, x264 veryfast, crf 20, one thread."""
    coder = av.CodecContext.create("libx264", "w")
    coder.height, coder.width = frames[0].shape[:2]
    coder.pix_fmt = "yuv420p"
    coder.framerate = FRAME_RATE
    coder.time_base = Fraction(1, FRAME_RATE)
    coder.thread_count = 1
    coder.options = {"preset": "veryfast", "crf": "20"}
    packets: list[av.Packet] = []
    for index, frame in enumerate(frames):
        picture = av.VideoFrame.from_ndarray(cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420), format="yuv420p")
        picture.pts = index
        packets += coder.encode(picture)
    return [*packets, *coder.encode(None)]


def mux(pictures: list[bytes], width_px: int, height_px: int) -> int:
    """An MP4 of encoded pictures and as much AAC, as the runtime makes it; its size in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        write_film(film, pictures, width_px, height_px)
        return film.stat().st_size


def write_film(film: Path, pictures: list[bytes], width_px: int, height_px: int) -> None:
    with av.open(str(film), "w", options={"movflags": "faststart"}) as container:
        video = container.add_mux_stream("h264", rate=FRAME_RATE, width=width_px, height=height_px)
        video.time_base = Fraction(1, FRAME_RATE)
        sound = container.add_stream("aac", rate=AUDIO_RATE_HZ, layout="mono")
        for index, data in enumerate(pictures):
            packet = av.Packet(data)
            packet.stream = video
            packet.time_base = Fraction(1, FRAME_RATE)
            packet.pts = packet.dts = index
            packet.is_keyframe = index == 0
            container.mux(packet)
        samples = len(pictures) * AUDIO_RATE_HZ // FRAME_RATE
        noise = np.random.default_rng(0).normal(0, 0.1, (1, samples)).astype(np.float32)
        for start in range(0, samples, AAC_FRAME_SAMPLES):
            block = np.ascontiguousarray(noise[:, start : start + AAC_FRAME_SAMPLES])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = AUDIO_RATE_HZ, start
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))


def floor_ms(likeness: MeshLikeness, count: int) -> float:
    """CPU milliseconds of one ``cv2.remap`` of the square that moves."""
    size = likeness.mesh.crop.size_px
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    photo: NDArray[np.uint8] = np.ascontiguousarray(likeness.mesh.crop.image)
    whole, fraction = cv2.convertMaps(columns + 0.3, rows + 0.6, cv2.CV_16SC2)
    return cpu_ms(lambda: [cv2.remap(photo, whole, fraction, cv2.INTER_LINEAR) for _ in range(count)]) / count


def widened(portrait: Portrait) -> Portrait:
    """The portrait in the middle of a 16 : 9 photo, mirrored outwards."""
    height, width = portrait.image.shape[:2]
    side = max(0, (height * 16 // 9 - width + 1) // 2)
    image = cv2.copyMakeBorder(portrait.image, 0, 0, side, side, cv2.BORDER_REFLECT_101)
    matte = None
    if portrait.matte is not None:
        matte = cv2.copyMakeBorder(portrait.matte, 0, 0, side, side, cv2.BORDER_CONSTANT)
    landmarks = portrait.landmarks + np.array([side, 0, 0], np.float32)
    return replace(portrait, image=image, matte=matte, landmarks=landmarks)


RESIDENT = """
import pathlib, sys
from avatar_contracts.motion import MotionTrack
from avatar_gpu.portrait.store import load_portrait
from avatar_gpu.protocols import EngineContext
from avatar_gpu.render.mesh.engine import MeshEngine
engine = MeshEngine(EngineContext("cpu", pathlib.Path("models"), 1))
likeness = engine.prepare(load_portrait(pathlib.Path(sys.argv[1])), 512)
for frame in engine.render(likeness, MotionTrack.rest(100)):
    pass
status = pathlib.Path("/proc/self/status").read_text()
print(int(status.split("VmRSS:")[1].split()[0]) / 1024)
"""


def resident_mib(portrait: Portrait) -> float:
    """Resident memory of a fresh process that rendered 100 frames of 512 px, Python and libraries included."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "portrait.npz"
        save_portrait(portrait, file)
        command = [sys.executable, "-c", RESIDENT, str(file)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(
    portrait: Portrait, size: int, frames: int, repeats: int, framing: Framing = "head"
) -> dict[str, float]:
    engine = MeshEngine(EngineContext("cpu", ROOT / "models", 1))
    track = speech_like(frames)
    row: dict[str, float] = {}
    row["prepare"] = statistics.median(
        cpu_ms(lambda: engine.prepare(portrait, size, framing)) for _ in range(repeats)
    )
    likeness = engine.prepare(portrait, size, framing)
    start = time.perf_counter()
    next(iter(engine.render(likeness, track)))
    row["first frame (wall)"] = (time.perf_counter() - start) * 1e3
    stages: dict[str, list[float]] = {}
    for _ in range(repeats):
        clock = Clock()
        with observed(clock):
            list(engine.render(likeness, track))
        for name in STAGES:
            stages.setdefault(name, []).append(clock.spent.get(name, 0.0) / frames)
    row.update({name: statistics.median(values) for name, values in stages.items()})
    rendered: list[RgbImage] = list(engine.render(likeness, track))
    row["render"] = statistics.median(
        cpu_ms(lambda: [None for _ in engine.render(likeness, track)]) / frames for _ in range(repeats)
    )
    row["encode"] = statistics.median(cpu_ms(lambda: encode(rendered)) / frames for _ in range(repeats))
    pictures = [bytes(packet) for packet in encode(rendered)]
    height_px, width_px, _ = rendered[0].shape
    row["mux"] = statistics.median(
        cpu_ms(lambda: mux(pictures, width_px, height_px)) / frames for _ in range(repeats)
    )
    row["render + encode"] = row["render"] + row["encode"]
    row["render + encode + mux"] = row["render + encode"] + row["mux"]
    row["floor: remap"] = statistics.median(floor_ms(likeness, frames) for _ in range(repeats))
    row["floor: remap + encode"] = row["floor: remap"] + row["encode"]
    row["frames/s on one core"] = 1000 / row["render + encode"]
    row["RTF at 25 fps"] = row["render + encode"] * FRAME_RATE / 1000
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photo", type=Path, default=ROOT / "assets" / "images" / "astronaut.png")
    parser.add_argument("--models", type=Path, default=Path(os.environ.get("MODELS_DIR", ROOT / "models")))
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 360, 512, 720])
    parser.add_argument("--frames", type=int, default=75)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    data = options.photo.read_bytes()
    analyser = PortraitAnalyser(options.models)
    analyse_ms = statistics.median(
        cpu_ms(lambda: analyser.analyse(data, sha256(data).hexdigest())) for _ in range(options.repeats)
    )
    portrait = analyser.analyse(data, sha256(data).hexdigest())
    MeshEngine(EngineContext("cpu", options.models, 1)).warm()
    table = {f"{size} px": measure(portrait, size, options.frames, options.repeats) for size in options.sizes}
    table["16 : 9, 1080 px"] = measure(widened(portrait), 1080, options.frames, options.repeats, "full")
    memory = resident_mib(portrait)
    print(f"analysis of the photo: {analyse_ms:.0f} ms CPU (median of {options.repeats})\n")
    print("| CPU ms a frame | " + " | ".join(table) + " |")
    print("|---|" + "---:|" * len(table))
    for name in next(iter(table.values())):
        print(f"| {name} | " + " | ".join(f"{row[name]:.2f}" for row in table.values()) + " |")
    print(f"\nresident memory at 512 px: {memory:.0f} MiB")
    if options.json:
        found = {"analysis_ms": analyse_ms, "resident_mib": memory, "sizes": table}
        options.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
