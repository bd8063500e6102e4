"""The landmark provider that is at hand, or why there is none."""

from __future__ import annotations

from pathlib import Path

from avatar_evaluator.faces.mesh import MeshTracker
from avatar_evaluator.faces.provider import LandmarksUnavailable
from avatar_evaluator.media import frames
from avatar_evaluator.observation import Observation, Unseen, observe, observe_frames

PHOTO_HZ, PHOTO_FRAMES = 25, 6


class Onlooker:
    """Looks at videos with one provider; where there is none, says why for every video."""

    def __init__(self, models_dir: Path) -> None:
        """Loads the networks from ``models_dir``; their absence is an answer, not an error."""
        self.tracker: MeshTracker | None = None
        self._why = ""
        try:
            self.tracker = MeshTracker(models_dir)
        except LandmarksUnavailable as error:
            self._why = str(error)

    def __call__(self, path: Path) -> Observation | Unseen:
        """What is seen in the video or picture at ``path``."""
        return Unseen(self._why) if self.tracker is None else observe(path, self.tracker)

    def photo(self, path: Path) -> Observation | Unseen:
        """What is seen in a photo, as though it were a video that stands still.

        Raises:
            MediaUnreadable: not a picture.
        """
        if self.tracker is None:
            return Unseen(self._why)
        _, picture = next(frames(path, untimed=True))
        return observe_frames(((i / PHOTO_HZ, picture) for i in range(PHOTO_FRAMES)), self.tracker)
