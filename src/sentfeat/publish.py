"""Published feature sessions: one Parquet file each, a manifest that says what it was made from, and its history.

features/v1/<model>/<cutoff>/date=YYYY-MM-DD/part-0.parquet     nothing but Parquet, for any reader
manifests/features/v1/<model>/<cutoff>/date=YYYY-MM-DD.json     written last: a file without it is not done
superseded/features/v1/<model>/<cutoff>/date=YYYY-MM-DD/...     what was published before, never deleted here
CURRENT.json, LATEST.json                                       the readers' default model; newest sessions by root
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pandas as pd
import pyarrow as pa

from sentfeat.errors import DataError
from sentfeat.roots import VERSION
from sentfeat.schema import conform, content_hash
from sentfeat.sessions import Cutoff
from sentfeat.store import Lake, parquet_bytes, sha256
from sentfeat.tables import FEATURES


class Outcome(StrEnum):
    """What publishing a session did."""

    NEW = "new"
    SAME = "unchanged"
    REPLACED = "replaced"


@dataclass(frozen=True)
class Shelf:
    """The place of one model's sessions at one cut-off."""

    lake: Lake
    model: str
    cutoff: Cutoff
    root: str = VERSION

    @property
    def folder(self) -> str:
        return f"features/{self.root}/{self.model}/{self.cutoff}"

    def data_path(self, session: pd.Timestamp) -> str:
        return f"{self.folder}/date={session.date()}/part-0.parquet"

    def manifest_path(self, session: pd.Timestamp) -> str:
        return f"manifests/{self.folder}/date={session.date()}.json"

    def sessions(self) -> pd.DatetimeIndex:
        """The sessions that have a file, in order."""
        days = [path.split("date=")[1][:10] for path in self.lake.files(self.folder)]
        return pd.DatetimeIndex(days)

    def manifest(self, session: pd.Timestamp) -> dict[str, Any] | None:
        return self.lake.get_json(self.manifest_path(session))

    def is_done(self, session: pd.Timestamp, input_hash: str) -> bool:
        """Whether the session stands as made from these inputs, its file intact."""
        manifest = self.manifest(session)
        if manifest is None or manifest["input_hash"] != input_hash:
            return False
        data = self.lake.get(self.data_path(session))
        return data is not None and sha256(data) == manifest["file_sha256"]

    def publish(self, session: pd.Timestamp, frame: pd.DataFrame, provenance: dict[str, Any]) -> Outcome:
        """Write a session's rows and its manifest; a file that differs is kept under superseded/ first.

        `provenance` holds input_hash, published_at (ISO, UTC) and whatever else should be known about the build.
        """
        return self.publish_rows(session, conform(FEATURES, frame), provenance)

    def publish_rows(self, session: pd.Timestamp, rows: pa.Table, provenance: dict[str, Any]) -> Outcome:
        """As publish, of rows that conform already."""
        data, content = parquet_bytes(rows), content_hash(rows)
        earlier = self.manifest(session)
        outcome = self._compare(session, earlier, content)
        if outcome == Outcome.REPLACED and earlier is not None:
            self._keep(session, earlier)
        if outcome == Outcome.SAME and earlier is not None:
            provenance = {**provenance, "published_at": earlier["published_at"]}
        self.lake.put(self.data_path(session), data)
        manifest = {"session": str(session.date()), "rows": rows.num_rows, "content_hash": content}
        self.lake.put_json(self.manifest_path(session), {**provenance, **manifest, "file_sha256": sha256(data)})
        return outcome

    def _compare(self, session: pd.Timestamp, earlier: dict[str, Any] | None, content: str) -> Outcome:
        if earlier is None:
            return Outcome.NEW
        return Outcome.SAME if earlier["content_hash"] == content else Outcome.REPLACED

    def _keep(self, session: pd.Timestamp, manifest: dict[str, Any]) -> None:
        """Copy a published version aside; one whose file is damaged leaves its manifest only."""
        published = pd.Timestamp(manifest["published_at"]).strftime("%Y%m%dT%H%M%S%f")  # the same content may come back
        stem = f"superseded/{self.folder}/date={session.date()}/{published}-{manifest['content_hash'][:16]}"
        data = self.lake.get(self.data_path(session))
        if data is not None and sha256(data) == manifest["file_sha256"]:
            self.lake.put(f"{stem}.parquet", data)
        self.lake.put_json(f"{stem}.json", manifest)

    def versions(self, session: pd.Timestamp) -> list[tuple[dict[str, Any], str]]:
        """(manifest, path of the data) of all that was ever published of a session, oldest first."""
        stems = self.lake.files(f"superseded/{self.folder}/date={session.date()}", ".json")
        found = [(self.lake.get_json(path), path.removesuffix(".json") + ".parquet") for path in stems]
        found.append((self.manifest(session), self.data_path(session)))
        return sorted([(m, path) for m, path in found if m is not None], key=lambda v: v[0]["published_at"])

    def paths_as_of(self, as_of: pd.Timestamp) -> list[str]:
        """For each session the path of the version that readers saw at `as_of`."""
        newest: dict[str, tuple[pd.Timestamp, str]] = {}
        for path in self.lake.files(f"superseded/{self.folder}", ".json"):
            self._offer(newest, path, path.removesuffix(".json") + ".parquet", as_of)
        for path in self.lake.files(f"manifests/{self.folder}", ".json"):
            data = path.removeprefix("manifests/").removesuffix(".json") + "/part-0.parquet"
            self._offer(newest, path, data, as_of)
        return sorted(path for _, path in newest.values())

    def _offer(self, newest: dict[str, tuple[pd.Timestamp, str]], manifest_path: str, data: str, as_of) -> None:
        manifest = self.lake.get_json(manifest_path)
        if manifest is None or (at := pd.Timestamp(manifest["published_at"])) > as_of:
            return
        held = newest.get(manifest["session"])
        if held is None or at >= held[0]:
            newest[manifest["session"]] = (at, data)


def announce(lake: Lake, model: str, cutoff: Cutoff, session: pd.Timestamp) -> None:
    """Name the newest complete session in LATEST.json, and the default model in CURRENT.json if none is named yet."""
    latest = lake.get_json("LATEST.json") or {}
    named = latest.setdefault(VERSION, {}).setdefault(model, {})
    if str(session.date()) > named.get(cutoff, ""):
        named[cutoff] = str(session.date())
        lake.put_json("LATEST.json", latest)
    if lake.get_json("CURRENT.json") is None:
        lake.put_json("CURRENT.json", {"model": model})


def models(lake: Lake) -> dict[str, dict[str, str]]:
    """The models with published sessions: cut-off to newest session, by folder name."""
    return dict(sorted((lake.get_json("LATEST.json") or {}).get(VERSION, {}).items()))


def switch_model(lake: Lake, model: str) -> None:
    """Make `model` the one that readers get by default. Raises DataError if nothing of it was published."""
    known = models(lake)
    if model not in known:
        raise DataError(f"no model {model!r} in {lake.location('features')}; there are {', '.join(known) or 'none'}")
    lake.put_json("CURRENT.json", {"model": model})
