"""One TFLite network as a function of one float tensor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar_evaluator.faces.provider import LandmarksUnavailable

FloatArray = NDArray[np.float32]


class Network:
    """Float input → float outputs, on one thread."""

    def __init__(self, path: Path) -> None:
        """Loads the file.

        Raises:
            LandmarksUnavailable: the file or the runtime package is missing, or the file is damaged.
        """
        if not path.is_file():
            raise LandmarksUnavailable(
                f"{path.name} is missing; run `make install`, or name the folder with MODELS_DIR"
            )
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise LandmarksUnavailable("run `pip install 'realtime-avatar-evaluator[avsync]'`") from error
        try:
            self._interpreter = Interpreter(str(path), num_threads=1)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise LandmarksUnavailable(f"{path.name} is damaged; run `make install`") from error
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]

    def __call__(self, tensor: FloatArray) -> list[FloatArray]:
        """The outputs in the file's order."""
        self._interpreter.set_tensor(self._input, tensor)
        self._interpreter.invoke()
        return [np.asarray(self._interpreter.get_tensor(index), np.float32) for index in self._outputs]
