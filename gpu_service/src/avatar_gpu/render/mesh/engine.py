"""``mesh``: animates a photo on a CPU, without any download beyond the landmark networks.

The photo becomes one cut mesh (``geometry``), bent by biharmonic blendshapes (``shapes``), turned with
compressed relief (``relief``), sampled by ``cv2.remap`` over a filled background (``layers``), with a painted
mouth interior (``mouth``) and a movable eyeball (``eyes``). Limits: turns beyond ±15°, laughing and wet
highlights are not believable; hair is rigid; the picture is as sharp as the photo's face.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from avatar_contracts.motion import COEFFICIENT_INDEX, EXTRA_INDEX, MotionTrack
from avatar_contracts.performance import HEAD_SIZE_PX, Framing
from avatar_gpu.protocols import EngineContext, Likeness, Portrait, RgbImage
from avatar_gpu.render.mesh.canvas import Canvas, frame_whole_photo
from avatar_gpu.render.mesh.controls import Controls
from avatar_gpu.render.mesh.crop import crop_face
from avatar_gpu.render.mesh.eyes import Eyeball, build_eyeball, draw_eye
from avatar_gpu.render.mesh.geometry import FaceMesh, build_mesh
from avatar_gpu.render.mesh.kernels import UNIT_LIGHT, bend, compose, illuminate, rasterise
from avatar_gpu.render.mesh.layers import Layers, split_layers
from avatar_gpu.render.mesh.limits import shape_limits
from avatar_gpu.render.mesh.mouth import MouthLook, MouthState, draw_mouth, look_into_mouth
from avatar_gpu.render.mesh.neutral import relaxed_skin
from avatar_gpu.render.mesh.relief import Relief, head_motion, measure_relief, stillness
from avatar_gpu.render.mesh.shading import GAIN_RANGE, Light, fit_light, relight
from avatar_gpu.render.mesh.shapes import SHAPE_INDEX, ShapeSet, build_shapes
from avatar_gpu.render.mesh.solve import skin_operator

MAX_ROTATION_RAD = 0.44
MAX_TRANSLATION = np.array([0.25, 0.25, 0.15])
MAX_GAZE_RAD = 0.6
RELAXING_STEPS = 7


@dataclass(frozen=True)
class MeshLikeness:
    """Everything computed once for one portrait at one picture size; shared by threads, never written.

    rest (V, 3) and texture (V, 2): vertices in texture pixels; textures: the person from the photo's own
    expression to the relaxed one, in equal steps (one where the photo does not smile).
    """

    mesh: FaceMesh
    relief: Relief
    shapes: ShapeSet
    controls: Controls
    layers: Layers
    eyeballs: tuple[Eyeball, Eyeball]
    mouth: MouthLook
    rest: NDArray[np.float32]
    texture: NDArray[np.float32]
    textures: tuple[NDArray[np.uint8], ...]
    triangles: NDArray[np.int32]
    head: NDArray[np.float32]
    light: Light
    canvas: Canvas | None = None
    """What is around the head's square, where the whole photo is shown."""

    @property
    def width_px(self) -> int:
        return self.mesh.crop.size_px if self.canvas is None else self.canvas.image.shape[1]

    @property
    def height_px(self) -> int:
        return self.mesh.crop.size_px if self.canvas is None else self.canvas.image.shape[0]


class MeshEngine:
    """The embedded render engine. Calls may run concurrently from several threads."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context

    def warm(self) -> None:
        """Loads the compiled inner loops by drawing a face of a few pixels."""
        from avatar_gpu.render.mesh.rehearsal import rehearse

        rehearse(self)

    def close(self) -> None:
        """Nothing is held."""

    def prepare(
        self, portrait: Portrait, size_px: int | None = None, framing: Framing = "head"
    ) -> MeshLikeness:
        """The face's mesh, shapes and layers for pictures of this size and framing."""
        canvas = None
        if framing == "full":
            crop, canvas = frame_whole_photo(portrait, size_px)
        else:
            crop = crop_face(portrait, size_px or HEAD_SIZE_PX)
        mesh = build_mesh(crop)
        operator = skin_operator(mesh)
        relief = measure_relief(mesh, operator)
        shapes = build_shapes(mesh, operator, relief)
        right, left = (build_eyeball(mesh, eye, crop.image) for eye in mesh.eyes)
        vertices = np.column_stack([mesh.vertices[:, :2], relief.depth]).astype(np.float32)
        layers = split_layers(crop, stillness(mesh, relief))
        far_first = np.lexsort((-relief.depth[mesh.triangles].mean(1), ~mesh.is_hole))
        return MeshLikeness(
            mesh,
            relief,
            shapes,
            Controls(shapes, shape_limits(mesh, shapes)),
            layers,
            (right, left),
            look_into_mouth(mesh, crop.image, (right, left)),
            vertices,
            np.ascontiguousarray(mesh.vertices[:, :2], dtype=np.float32),
            _relaxing_textures(mesh, layers, shapes.smile.lift),
            np.ascontiguousarray(mesh.triangles[far_first]),
            relief.head.astype(np.float32),
            fit_light(mesh, relief, crop.image),
            canvas,
        )

    def render(self, likeness: Likeness, poses: MotionTrack) -> Iterator[RgbImage]:
        """One frame per control point of ``poses``.

        Raises:
            TypeError: the likeness was prepared by another engine.
        """
        if not isinstance(likeness, MeshLikeness):
            raise TypeError(f"a {type(likeness).__name__} was not prepared by this engine")
        return _frames(likeness, poses)

    def cut_outs(
        self, likeness: MeshLikeness, poses: MotionTrack
    ) -> Iterator[tuple[RgbImage, NDArray[np.uint8]]]:
        """The frames of ``render`` without their background, each with its matte (H, W), 255 on the person.

        Raises:
            ValueError: the photo has no trustworthy matte, or the likeness shows the whole photo.
        """
        if likeness.layers.background is None or likeness.canvas is not None:
            raise ValueError("only a head with a matte can be cut out")
        return _cut_outs(likeness, poses)


def _relaxing_textures(mesh: FaceMesh, layers: Layers, lift: float) -> tuple[NDArray[np.uint8], ...]:
    relaxed = relaxed_skin(mesh, np.ascontiguousarray(layers.texture[..., :3]), lift)
    if relaxed is None:
        return (layers.texture,)
    goal = layers.texture.copy()
    goal[..., :3] = relaxed
    steps = np.linspace(0, 1, RELAXING_STEPS)
    return tuple(np.asarray(cv2.addWeighted(layers.texture, 1 - t, goal, t, 0), np.uint8) for t in steps)


class _Buffers:
    """Scratch memory of one rendering."""

    def __init__(self, vertices: int, size: int) -> None:
        self.bent = np.empty((vertices, 3), np.float32)
        self.screen = np.empty((vertices, 2), np.float32)
        self.normals = np.empty((vertices, 3), np.float32)
        self.gain = np.empty(vertices, np.float32)
        self.whole = np.zeros((size, size, 2), np.int16)
        self.fraction = np.zeros((size, size), np.uint16)
        self.light = np.full((size, size), UNIT_LIGHT, np.uint8)


def _frames(likeness: MeshLikeness, poses: MotionTrack) -> Iterator[RgbImage]:
    buffers = _Buffers(len(likeness.rest), likeness.mesh.crop.size_px)
    for i in range(poses.size):
        head = _draw(likeness, poses, i, _over_background, buffers)
        yield head if likeness.canvas is None else likeness.canvas.with_head(head)


def _cut_outs(likeness: MeshLikeness, poses: MotionTrack) -> Iterator[tuple[RgbImage, NDArray[np.uint8]]]:
    buffers = _Buffers(len(likeness.rest), likeness.mesh.crop.size_px)
    for i in range(poses.size):
        mattes: list[NDArray[np.uint8]] = []

        def alone(
            _: MeshLikeness,
            sampled: NDArray[np.uint8],
            light: NDArray[np.uint8],
            mattes: list[NDArray[np.uint8]] = mattes,
        ) -> RgbImage:
            mattes.append(np.ascontiguousarray(sampled[..., 3]))
            person = np.ascontiguousarray(sampled[..., :3])
            illuminate(person, light)
            return person

        yield _draw(likeness, poses, i, alone, buffers), mattes[0]


def _over_background(face: MeshLikeness, sampled: NDArray[np.uint8], light: NDArray[np.uint8]) -> RgbImage:
    if face.layers.background is None:
        illuminate(sampled, light)
        return sampled
    frame = np.empty((*sampled.shape[:2], 3), np.uint8)
    compose(sampled, face.layers.background, light, frame)
    return frame


def _draw(
    face: MeshLikeness,
    poses: MotionTrack,
    index: int,
    lay_out: Callable[[MeshLikeness, NDArray[np.uint8], NDArray[np.uint8]], RgbImage],
    buffers: _Buffers,
) -> RgbImage:
    """One frame; ``lay_out`` makes it from the likeness, the sampled person (S, S, 3 or 4) and the light."""
    coefficients, extras = poses.coeffs[index], poses.extras[index]
    bent, screen = buffers.bent, buffers.screen
    mesh, rim = face.mesh, face.mesh.crop.rim_px
    gaze = np.clip(poses.gaze[index], -MAX_GAZE_RAD, MAX_GAZE_RAD)
    weights = face.controls.weights(coefficients, extras)
    motion = head_motion(
        mesh,
        face.relief,
        np.clip(poses.rotation[index], -MAX_ROTATION_RAD, MAX_ROTATION_RAD).astype(np.float64),
        np.clip(poses.translation[index], -MAX_TRANSLATION, MAX_TRANSLATION).astype(np.float64),
    )
    bend(face.rest, face.shapes.displacements, weights, face.head, motion.matrix, motion.offset, bent, screen)
    relaxed = float(weights[SHAPE_INDEX["relax"]])
    relight(
        bent,
        face.light.skin,
        motion.matrix,
        face.light.model,
        face.light.rest,
        face.light.weight,
        *GAIN_RANGE,
        buffers.normals,
        buffers.gain,
    )
    rasterise(
        screen,
        face.texture,
        face.triangles,
        buffers.gain,
        float(rim),
        buffers.whole,
        buffers.fraction,
        buffers.light,
    )
    texture = face.textures[round(relaxed * (len(face.textures) - 1))]
    frame = lay_out(face, sample(texture, buffers.whole, buffers.fraction), buffers.light)
    for ball, side, look in zip(face.eyeballs, ("Right", "Left"), (gaze[1], gaze[0]), strict=True):
        closed = float(weights[SHAPE_INDEX["eyeBlink" + side]])
        draw_eye(frame, ball, screen, float(rim), motion, look, closed)
    draw_mouth(frame, mesh, face.mouth, screen, motion, _mouth_state(face, weights, coefficients, extras))
    return frame


def sample(
    texture: NDArray[np.uint8], whole: NDArray[np.int16], fraction: NDArray[np.uint16]
) -> NDArray[np.uint8]:
    """The picture that the map of ``rasterise`` asks for."""
    picture: NDArray[np.uint8] = cv2.remap(
        texture, whole, fraction, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return picture


def _mouth_state(
    face: MeshLikeness,
    weights: NDArray[np.float32],
    coefficients: NDArray[np.float32],
    extras: NDArray[np.float32],
) -> MouthState:
    frame = face.mesh.frame
    jaw_shapes = [SHAPE_INDEX[name] for name in ("jawOpen", "jawLeft", "jawRight")]
    middle = face.shapes.contact_vertices[1, len(face.shapes.rest_gap) // 2]
    jaw = weights[jaw_shapes] @ face.shapes.displacements[jaw_shapes, middle]
    speaking = float(np.clip(extras[EXTRA_INDEX["speaking"]], 0, 1))
    pursed = weights[SHAPE_INDEX["mouthPucker"]] + 0.4 * weights[SHAPE_INDEX["mouthFunnel"]]
    opening = float(weights[SHAPE_INDEX["jawOpen"]])
    close = float(np.clip(coefficients[COEFFICIENT_INDEX["mouthClose"]], 0, 1))
    still = max(0.0, 1 - 6 * opening) * (1 - speaking) * (1 - close)
    return MouthState(
        np.array([jaw @ frame.right, jaw @ frame.down]) / frame.mouth_width,
        float(np.clip(extras[EXTRA_INDEX["tongueUp"]], 0, 1)),
        float(np.clip(coefficients[COEFFICIENT_INDEX["tongueOut"]], 0, 1)),
        float(np.clip(max(pursed, extras[EXTRA_INDEX["rounding"]]), 0, 1)),
        still if face.mouth.parted else 0.0,
        max(speaking, close),
    )
