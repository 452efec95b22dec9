"""Results of the long parts of a run, kept one file each, so that a killed run goes on where it was.

A folder belongs to one set of inputs (its name is their hash), so a file that is there is right.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from sentfeat.whole import replacing


class Pieces:
    """Arrays by name; without a folder nothing is kept."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        """The piece of that name, made if it is not there yet. A file appears whole or not at all."""
        if self.folder is None:
            return make()
        path = self.folder / f"{name}.npy"
        try:
            return np.load(path)
        except FileNotFoundError:
            value = make()
            with replacing(path) as partial, open(partial, "wb") as file:
                np.save(file, value)
            return value
