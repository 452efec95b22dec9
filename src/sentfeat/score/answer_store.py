"""Answers given before, so that no text of any file is put to the same model twice.

One SQLite file a model, in a folder that files and runs share: text and entity by hash, with the logits of the labels;
calibration is applied on reading. Runs beside each other wait for one another's writes, which are whole or not there.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from sentfeat.errors import ConfigError
from sentfeat.score.file_job import Answered, Progress, Slice, SliceScorer
from sentfeat.score.prompt import LABELS

PATIENCE = 60.0  # seconds to wait for another run's write
ASKED_AT_ONCE = 500  # keys in a query


def default_folder() -> Path:
    """Where answers are kept unless another folder is named."""
    return user_cache_path("sentfeat") / "answers"


def key_of(text: str, entity: str | None) -> bytes:
    """16 bytes that stand for a question."""
    data = text.encode("utf-8", "surrogatepass")
    about = (entity or "").encode("utf-8", "surrogatepass")
    return hashlib.blake2b(len(data).to_bytes(8, "little") + data + about, digest_size=16).digest()


class AnswerStore:
    """The answers of the model `model_id` in `folder`. Raises ConfigError if they cannot be kept there."""

    def __init__(self, folder: Path, model_id: str) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{hashlib.sha256(model_id.encode()).hexdigest()[:32]}.sqlite"
            self._base = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = NORMAL")
            self._base.execute("CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, logits BLOB) WITHOUT ROWID")
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(
                f"answers cannot be kept in {folder} ({error}); name another folder with --store, or use --no-store"
            ) from error

    def find(self, keys: list[bytes]) -> np.ndarray:
        """Logits (n, 3) float32 in the order of the keys; NaN where there is no answer."""
        held: dict[bytes, bytes] = {}
        for begin in range(0, len(keys), ASKED_AT_ONCE):
            some = keys[begin : begin + ASKED_AT_ONCE]
            marks = ",".join("?" * len(some))
            held.update(self._base.execute(f"SELECT key, logits FROM answers WHERE key IN ({marks})", some))
        none = np.full(len(LABELS), np.nan, dtype="<f4").tobytes()
        return np.frombuffer(b"".join(held.get(key, none) for key in keys), dtype="<f4").reshape(-1, len(LABELS)).copy()

    def keep(self, keys: list[bytes], logits: np.ndarray) -> None:
        """Add answers; a text without one (NaN) is left out."""
        given = logits.astype("<f4")
        rows = [(key, row.tobytes()) for key, row in zip(keys, given, strict=True) if not np.isnan(row[0])]
        with self._base:
            self._base.execute("BEGIN IMMEDIATE")
            self._base.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?)", rows)


class StoredScorer:
    """Another scorer, asked only for what the store does not know; `known` counts the rest."""

    def __init__(self, scorer: SliceScorer, store: AnswerStore) -> None:
        self.model_id, self.identity, self.temperature = scorer.model_id, scorer.identity, scorer.temperature
        self.known = 0
        self._scorer, self._store = scorer, store

    def run(self, slices: Iterable[Slice], progress: Progress) -> Iterator[Answered]:
        """The answers in the order in which the other scorer gives them."""
        waiting: dict[str, tuple[Slice, list[bytes], np.ndarray]] = {}

        def open_rows() -> Iterator[Slice]:
            for part in slices:
                keys = [key_of(*question) for question in zip(part.texts, part.entities, strict=True)]
                found = self._store.find(keys)
                asked = np.flatnonzero(np.isnan(found[:, 0])).tolist()
                self.known += len(keys) - len(asked)
                progress(len(keys) - len(asked))
                waiting[part.name] = part, keys, found
                yield part._replace(
                    texts=[part.texts[at] for at in asked], entities=[part.entities[at] for at in asked]
                )

        for answered in self._scorer.run(open_rows(), progress):
            part, keys, found = waiting.pop(answered.slice.name)
            asked = np.isnan(found[:, 0])
            found[asked] = answered.logits
            self._store.keep([key for key, new in zip(keys, asked, strict=True) if new], answered.logits)
            yield Answered(part, found)
