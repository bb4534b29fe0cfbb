"""The list of a backup's contents. It is written last, so a folder without one is no backup."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from hub.local_redis.data_copies import CopyError

REDIS = "redis.rdb"
DATA = "data"  # the folder in a backup for the data folder's other files
_FILE = "manifest.json"
_FORMAT = 1
_PIECE_BYTES = 1_048_576


class Entry(BaseModel):
    """One file of a backup."""

    model_config = ConfigDict(frozen=True)

    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Entry:
        """Return the entry of a file on disk."""
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                size += len(piece)
        return cls(bytes=size, sha256=digest.hexdigest())


class Manifest(BaseModel):
    """A backup's list.

    Attributes:
        comanda: The version of Comanda that made it.
        redis, redis_version: The server that wrote `redis.rdb`; an older one may not be able to read it.
        branches: The end of each branch's log, as `<epoch>-<offset>`.
        files: By path in the backup's folder: `redis.rdb`, and the files in `data/`.
    """

    model_config = ConfigDict(frozen=True)

    format: int = Field(_FORMAT, ge=_FORMAT, le=_FORMAT)
    comanda: str
    made_at: datetime
    redis: str
    redis_version: tuple[int, ...]
    branches: Mapping[str, str]
    files: Mapping[str, Entry]

    @field_validator("files")
    @classmethod
    def _inside(cls, files: Mapping[str, Entry]) -> Mapping[str, Entry]:
        for name in files:
            path = PurePosixPath(name)
            if name != REDIS and (path.parts[:1] != (DATA,) or len(path.parts) < 2 or ".." in path.parts):
                raise ValueError(f"{name} is outside the backup")
        if REDIS not in files:
            raise ValueError(f"there is no {REDIS} in it")
        return files

    @property
    def others(self) -> list[Path]:
        """The files beside Redis's data, by their path in the data folder."""
        return [Path(name).relative_to(DATA) for name in self.files if name != REDIS]

    @property
    def size_bytes(self) -> int:
        """The size of all files together."""
        return sum(entry.bytes for entry in self.files.values())

    def write(self, folder: Path) -> None:
        """Write the list, which makes the folder a backup. It and all its files are on the disk when this returns."""
        for name in self.files:
            _sync(folder / name)
        path = folder / _FILE
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        path.chmod(0o600)
        _sync(path)
        _sync(folder)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the list, and check every file against it.

        Raises:
            CopyError: It is no backup, or not whole.
        """
        try:
            found = cls.model_validate_json((folder / _FILE).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise CopyError(f"{folder} is not a backup: it has no readable {_FILE}") from error
        except ValidationError as error:
            raise CopyError(f"{folder / _FILE} cannot be used: {error.errors()[0]['msg']}") from error
        for name, entry in found.files.items():
            if _entry(folder / name) != entry:
                raise CopyError(f"{folder / name} is not the file that was backed up")
        return found


def _entry(path: Path) -> Entry | None:
    try:
        return Entry.of(path)
    except OSError:
        return None


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
