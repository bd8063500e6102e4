"""One TFLite network as a function, safe to call from several threads."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar_contracts.problems import EngineUnavailable

FloatArray = NDArray[np.float32]


class TfliteModel:
    """Float input → float outputs. The interpreter is not reentrant, so a lock guards each call."""

    def __init__(self, path: Path) -> None:
        """Loads the file.

        Raises:
            EngineUnavailable: the file or the runtime package is missing, or the file is damaged.
        """
        if not path.is_file():
            raise EngineUnavailable(
                f"The model file {path.name} is missing. Run `make install` or `scripts/download_models`."
            )
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise EngineUnavailable("Run `pip install ai-edge-litert` to analyse photos.") from error
        try:
            self._interpreter = Interpreter(str(path), num_threads=1)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise EngineUnavailable(
                f"The model file {path.name} is damaged. Remove it, then run `make install` or "
                "`scripts/download_models`."
            ) from error
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]
        self._lock = threading.Lock()

    def __call__(self, tensor: FloatArray) -> list[FloatArray]:
        """The network's outputs for a tensor of its input shape, in the file's order."""
        with self._lock:
            self._interpreter.set_tensor(self._input, tensor)
            self._interpreter.invoke()
            return [np.asarray(self._interpreter.get_tensor(index), np.float32) for index in self._outputs]


def output_of_size(outputs: list[FloatArray], size: int) -> FloatArray:
    """The one output that holds ``size`` numbers."""
    return next(array for array in outputs if array.size == size)
