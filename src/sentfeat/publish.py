"""Published feature sessions: one Parquet file each, a manifest that says what it was made from, and its history.

features/v1/<model>/<cutoff>/date=YYYY-MM-DD/part-0.parquet     nothing but Parquet, for any reader
manifests/features/v1/<model>/<cutoff>/date=YYYY-MM-DD.json     written last: a file without it is not done
superseded/features/v1/<model>/<cutoff>/date=YYYY-MM-DD/...     what was published before, never deleted here
CURRENT.json, LATEST.json                                       the readers' default model; newest sessions by root

A session is replaced in this order: its version and manifest go to superseded/, the manifest is removed, the new file
is written, then its manifest. Until that one stands, readers get the version under superseded/.
"""

from collections.abc import Sequence
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
        """The sessions that are done: with a manifest and a file, in order."""
        days, done = [day_of(path) for path in self.lake.files(self.folder)], set(self.manifest_days())
        return pd.DatetimeIndex([day for day in days if day in done])

    def manifest_days(self) -> list[str]:
        """The days, YYYY-MM-DD, of the sessions that have a manifest, in order."""
        return [day_of(path) for path in self.lake.files(f"manifests/{self.folder}", ".json")]

    def paths(self) -> list[str]:
        """For each session, in order, the file that readers see: of one that is being replaced, the version before.

        Raises DataError if nothing was published of this model at this cut-off.
        """
        done = set(self.manifest_days())
        files = {day_of(path): _beside(path) for path in self._superseded() if day_of(path) not in done}
        files |= {day_of(path): path for path in self.lake.files(self.folder) if day_of(path) in done}
        if not files:
            there = [f"{model} ({', '.join(newest)})" for model, newest in models(self.lake).items()]
            raise DataError(
                f"no session of model {self.model!r} at {self.cutoff} in {self.lake.location('features')}; there are "
                f"{'; '.join(there) or 'none'}"
            )
        return [files[day] for day in sorted(files)]

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
        standing = self.manifest(session)
        earlier = standing or self._newest_superseded(session)
        outcome = self._compare(earlier, content)
        if outcome == Outcome.REPLACED and standing is not None:
            self._set_aside(session, standing)
        self.lake.put(self.data_path(session), data)
        manifest = {"session": str(session.date()), "rows": rows.num_rows, "content_hash": content}
        manifest |= _times(provenance["published_at"], earlier, outcome)
        self.lake.put_json(self.manifest_path(session), {**provenance, **manifest, "file_sha256": sha256(data)})
        return outcome

    def _compare(self, earlier: dict[str, Any] | None, content: str) -> Outcome:
        if earlier is None:
            return Outcome.NEW
        return Outcome.SAME if earlier["content_hash"] == content else Outcome.REPLACED

    def _newest_superseded(self, session: pd.Timestamp) -> dict[str, Any] | None:
        """The manifest of the version that a killed run was about to replace; None for a session that is new."""
        versions = self.versions(session)
        return versions[-1][0] if versions else None

    def _set_aside(self, session: pd.Timestamp, manifest: dict[str, Any]) -> None:
        """Copy a published version to superseded/ and withdraw it; a damaged file leaves its manifest only."""
        published = pd.Timestamp(manifest["published_at"]).strftime("%Y%m%dT%H%M%S%f")  # the same content may come back
        stem = f"superseded/{self.folder}/date={session.date()}/{published}-{manifest['content_hash'][:16]}"
        data = self.lake.get(self.data_path(session))
        if data is not None and sha256(data) == manifest["file_sha256"]:
            self.lake.put(f"{stem}.parquet", data)
        self.lake.put_json(f"{stem}.json", manifest)
        self.lake.delete(self.manifest_path(session))

    def _superseded(self) -> list[str]:
        """Paths of the manifests of all superseded versions, by session and time."""
        return self.lake.files(f"superseded/{self.folder}", ".json")

    def versions(self, session: pd.Timestamp) -> list[tuple[dict[str, Any], str]]:
        """(manifest, path of the data) of all that was ever published of a session, oldest first."""
        stems = self.lake.files(f"superseded/{self.folder}/date={session.date()}", ".json")
        found = [(self.lake.get_json(path), _beside(path)) for path in stems]
        found.append((self.manifest(session), self.data_path(session)))
        return sorted([(m, path) for m, path in found if m is not None], key=lambda v: v[0]["published_at"])

    def paths_as_of(self, as_of: pd.Timestamp) -> list[str]:
        """For each session, in order, the path of the version that readers saw at `as_of`."""
        newest: dict[str, tuple[pd.Timestamp, str]] = {}
        for path in self._superseded():
            self._offer(newest, path, _beside(path), as_of)
        for path in self.lake.files(f"manifests/{self.folder}", ".json"):
            data = path.removeprefix("manifests/").removesuffix(".json") + "/part-0.parquet"
            self._offer(newest, path, data, as_of)
        return [newest[day][1] for day in sorted(newest)]

    def _offer(self, newest: dict[str, tuple[pd.Timestamp, str]], manifest_path: str, data: str, as_of) -> None:
        manifest = self.lake.get_json(manifest_path)
        if manifest is None or (at := pd.Timestamp(manifest["published_at"])) > as_of:
            return
        held = newest.get(manifest["session"])
        if held is None or at > held[0]:  # a version that a killed run was replacing is there twice: the copy holds
            newest[manifest["session"]] = (at, data)

    def require_kept(self, paths: Sequence[str]) -> None:
        """Raises DataError if one of `paths` is a superseded version whose file was damaged when it was replaced."""
        needed = [path for path in paths if path.startswith("superseded/")]
        kept = set(self.lake.files(f"superseded/{self.folder}")) if needed else set()
        for path in needed:
            if path not in kept:
                manifest = self.lake.get_json(path.removesuffix(".parquet") + ".json") or {}
                raise DataError(
                    f"session {day_of(path)} at {self.cutoff}: the version published at {manifest.get('published_at')} "
                    "was damaged when it was replaced and is lost; leave the session out, or ask for another as_of"
                )


def _beside(manifest_path: str) -> str:
    """Path of the data of a superseded version; a damaged one was not kept."""
    return manifest_path.removesuffix(".json") + ".parquet"


def day_of(path: str) -> str:
    """The day in the path of a file or manifest, YYYY-MM-DD."""
    return path.split("date=")[1][:10]


def _times(published_at: str, earlier: dict[str, Any] | None, outcome: Outcome) -> dict[str, str]:
    """published_at, of the content, and first_published_at, of the session whatever its content was."""
    if earlier is None:
        return {"published_at": published_at, "first_published_at": published_at}
    first = earlier.get("first_published_at", earlier["published_at"])
    at = earlier["published_at"] if outcome == Outcome.SAME else published_at
    return {"published_at": at, "first_published_at": first}


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
