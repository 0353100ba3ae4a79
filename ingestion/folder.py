"""A folder of parquet files to which whole batches of files are added at once, on a disk or behind an fsspec URL.

How a batch becomes visible::

    _pending/<batch>-0.tmp   written and flushed        nobody reads it
    _pending/<batch>-1.tmp
    _pending/<batch>.json    names where each belongs   from here on the batch will appear, whatever is killed
    date=…/….parquet         moved there one by one
    (journal removed)

A batch of one file needs no journal: its move is the moment at which it appears. A mover that was killed leaves its
journal behind; `Folder.finish_interrupted` does the remaining moves, and any number of processes may do so at once.

Small files may be replaced by a joined one while others read; `joined` tells which files count.

Where only one writer may add at a time, its batches are numbered: each has a journal and takes its number (`claims`) just
before the journal becomes visible.
"""

import json
import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

import fsspec
import polars as pl
import pyarrow.dataset
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from ingestion.claims import Claims
from ingestion.joined import JOINS, Join, counting

PENDING: Final = "_pending"

_CASTS: Final = pl.ScanCastOptions(
    integer_cast=["upcast", "allow-float"],
    float_cast="upcast",
    datetime_cast=["upcast", "downcast", "convert-timezone"],
)
"""How files of one folder may differ: numbers may have become wider, and pandas writes times in nanoseconds."""
_NUMBERED: Final = re.compile(r"(?P<batch>(?P<number>\d{12})-[0-9a-f]{32})(-\d+\.tmp|\.json\.tmp)$")


class Folder:
    """Parquet files below one path; names are relative to it and use ``/``.

    Args:
        url: A local path, or a URL that fsspec knows (``s3://bucket/folder``).
        endpoint: URL of the server behind an ``s3://``; empty: the one of the environment.
    """

    def __init__(self, url: str | os.PathLike[str], *, endpoint: str = "") -> None:
        self.url = str(url).rstrip("/")
        # Others write here, too: what was listed once is never taken for what is there now.
        server = {"endpoint_url": endpoint} if endpoint else {}
        self._filesystem, root = fsspec.core.url_to_fs(self.url, use_listings_cache=False, **server)
        self._root = str(root).rstrip("/")
        self._claims = Claims(self)

    def path(self, name: str) -> str:
        """Full path of a file below the folder, without the URL's scheme."""
        return f"{self._root}/{name}" if name else self._root

    def subfolders(self) -> list[str]:
        """Names of the folders directly below, sorted; empty when the folder does not exist."""
        return sorted(
            name
            for name, kind in self._listing("")
            if kind == "directory" and not name.startswith(("_", "."))
        )

    def files(self, *below: str) -> list[str]:
        """Names of the parquet files directly inside the folders ``below``, or inside this one, sorted."""
        folders = below or ("",)
        listed = [
            f"{folder}/{name}" if folder else name
            for folder in folders
            for name, kind in self._listing(folder)
            if kind == "file" and _is_visible(PurePosixPath(name))
        ]
        return counting(listed, self.joins(), folders)

    def files_below(self) -> list[str]:
        """Names of all parquet files inside, however deep, sorted; hidden and pending ones left out."""
        return counting(self.sizes(), self.joins())

    def sizes(self) -> dict[str, int]:
        """Bytes of each parquet file inside, however deep, whether it counts or not."""
        try:
            found = self._filesystem.find(self.path(""), detail=True)
        except FileNotFoundError:
            return {}
        names = {PurePosixPath(path).relative_to(self.path("")): entry for path, entry in found.items()}
        return {str(name): entry["size"] for name, entry in names.items() if _is_visible(name)}

    def joins(self) -> list[Join]:
        """Records of the joins under way; see `joined`."""
        names = [f"{JOINS}/{name}" for name, _ in self._listing(JOINS) if name.endswith(".json")]
        contents = (self.content(name) for name in names)
        return [Join.from_json(content) for content in contents if content is not None]

    def record(self, join: Join) -> None:
        """Write or replace the record of a join, in one step; durable when this returns."""
        temporary = f"{PENDING}/{uuid.uuid4().hex}.record"
        self._write(temporary, lambda file: file.write(join.to_json()))
        self._move_all({temporary: join.record})

    def exists(self) -> bool:
        """Whether there is such a folder."""
        return bool(self._filesystem.isdir(self.path("")))

    def scan(
        self,
        names: Sequence[str],
        *,
        row_column: str | None = None,
        name_column: str | None = None,
        like: str | None = None,
    ) -> pl.LazyFrame:
        """Rows of the named files, in the order of the names.

        Columns and types are those of one file; a column that an older file lacks is null there, narrower numbers
        and times of another resolution are converted.

        Args:
            names: At least one file.
            like: The file that has the columns and types; None: the last one.
            row_column: Where to number the rows, from 0 on; None: nowhere.
            name_column: Where to tell of each row the name of its file; None: nowhere.
        """
        if isinstance(self._filesystem, LocalFileSystem):
            paths = [self.path(name) for name in names]
            scanned = pl.scan_parquet(
                paths,
                glob=False,
                hive_partitioning=False,
                schema=pl.read_parquet_schema(self.path(like or names[-1])),
                missing_columns="insert",
                extra_columns="ignore",
                cast_options=_CASTS,
                row_index_name=row_column,
                include_file_paths=name_column,
            )
            if name_column is None:
                return scanned
            return scanned.with_columns(pl.col(name_column).str.strip_prefix(f"{self._root}/"))
        if name_column is not None:
            each = (
                self.scan([name], like=like).with_columns(pl.lit(name).alias(name_column)) for name in names
            )
            return pl.concat(each, how="diagonal_relaxed")
        rows = pl.scan_pyarrow_dataset(self._dataset(names, like or names[-1]))
        return rows if row_column is None else rows.with_row_index(row_column)

    def height(self, names: Sequence[str]) -> int:
        """How many rows the named files have, from their footers."""
        return int(self.scan(names).select(pl.len()).collect().item())

    def portions(self, names: Sequence[str], rows: int) -> Iterator[tuple[int, int, pl.LazyFrame]]:
        """The files in portions of about so many rows, in order, cut where row groups end.

        Yields:
            Numbers of the first row and of the first that does not belong to the portion, and its scan.
        """
        groups = [(name, size) for name in names for size in self._row_groups(name)]
        first = done = 0
        while done < len(groups):
            stop = _cut([size for _, size in groups], done, rows)
            inside = list(dict.fromkeys(name for name, _ in groups[done:stop]))
            skipped = sum(size for name, size in groups[:done] if name == inside[0])
            height = sum(size for _, size in groups[done:stop])
            yield first, first + height, self.scan(inside).slice(skipped, height)
            first, done = first + height, stop

    def has_nulls(self, name: str, column: str) -> bool:
        """Whether a column of a file has nulls."""
        return bool(self.scan([name]).select(pl.col(column).has_nulls()).collect().item())

    def _row_groups(self, name: str) -> list[int]:
        with self._filesystem.open(self.path(name), "rb") as file:
            footer = pq.ParquetFile(file).metadata
            return [footer.row_group(i).num_rows for i in range(footer.num_row_groups)]

    def schema(self, name: str) -> pl.Schema:
        """Column types of one file."""
        return self.scan([name]).collect_schema()

    def publish(self, frames: Mapping[str, pl.DataFrame], *, number: int | None = None) -> list[str]:
        """Add one file per name, all of them or none; durable when this returns.

        Args:
            frames: What to write, by name.
            number: `next_number`, asked before what the folder holds was looked at; later ones count on by one. None:
                others may add to the folder at the same time.

        Returns:
            The full paths, in the order of the names.

        Raises:
            OSError: they cannot be written, as on a full disk; none of them is there.
            OvertakenError: another writer has added a batch of this number; none of these is there.
        """
        batch = uuid.uuid4().hex if number is None else f"{number:012d}-{uuid.uuid4().hex}"
        has_journal = number is not None or len(frames) > 1
        moves = {f"{PENDING}/{batch}-{i}.tmp": name for i, name in enumerate(frames)}
        journal = f"{PENDING}/{batch}.json"
        try:
            for temporary, frame in zip(moves, frames.values(), strict=True):
                self._write(temporary, partial(_fill, frame))
            if has_journal:
                self._write(f"{journal}.tmp", lambda file: file.write(json.dumps(moves).encode()))
            if number is not None:
                self._claims.take(number, batch)
        except BaseException:
            self.remove([*moves, f"{journal}.tmp"])
            raise
        if has_journal:
            self._show(journal)
            self._finish(journal, moves)
        else:
            self._move_all(moves)
        return [self.path(name) for name in frames]

    def next_number(self) -> int:
        """Number of the next batch, for `publish`."""
        return self._claims.newest() + 1

    def finish_interrupted(self) -> int:
        """Make visible every batch whose mover was killed; returns how many there were."""
        newest = self._claims.newest()
        if newest >= 0:
            self._show(f"{PENDING}/{self._claims.batch(newest)}.json")
        names = self.names(PENDING)
        finished = sum(self._finish_journal(f"{PENDING}/{name}") for name in names if name.endswith(".json"))
        self.remove([f"{PENDING}/{name}" for name in _overtaken(names, newest)])
        return finished

    def is_pending(self) -> bool:
        """Whether a batch of several files is being moved: some of it may be visible, and some not yet."""
        return any(name.endswith(".json") for name, _ in self._listing(PENDING))

    def remove(self, names: Sequence[str]) -> None:
        """Delete files; one that is gone already is not an error."""
        for name in names:
            try:
                self._filesystem.rm_file(self.path(name))
            except FileNotFoundError:
                continue

    def content(self, name: str) -> bytes | None:
        """Bytes of a small file; None when there is none."""
        try:
            return bytes(self._filesystem.cat_file(self.path(name)))
        except FileNotFoundError:
            return None

    def create(self, name: str, content: bytes) -> bool:
        """Make a small file, durable when this returns; False if somebody has made it. Of several makers one succeeds."""
        try:
            if isinstance(self._filesystem, LocalFileSystem):
                Path(self.path(name)).parent.mkdir(parents=True, exist_ok=True)
                with Path(self.path(name)).open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                _flush_directory(Path(self.path(name)).parent)
            else:
                self._filesystem.pipe_file(self.path(name), content, mode="create")
        except FileExistsError:
            return False
        return True

    def _finish_journal(self, journal: str) -> bool:
        content = self.content(journal)
        if content is None:
            return False
        self._finish(journal, json.loads(content))
        return True

    def _show(self, journal: str) -> None:
        """Make a journal visible, unless another process has done so and may even have finished it."""
        with suppress(FileNotFoundError):
            self._move(f"{journal}.tmp", journal)

    def _finish(self, journal: str, moves: Mapping[str, str]) -> None:
        self._move_all(moves)
        self.remove([journal])

    def _move_all(self, moves: Mapping[str, str]) -> None:
        for temporary, name in moves.items():
            self._move(temporary, name)
        if isinstance(self._filesystem, LocalFileSystem):
            for parent in {Path(self.path(name)).parent for name in moves.values()}:
                _flush_directory(parent)

    def _move(self, source: str, target: str) -> None:
        """Rename; a source that is gone was moved by another process that finished the same batch."""
        try:
            if isinstance(self._filesystem, LocalFileSystem):
                Path(self.path(target)).parent.mkdir(parents=True, exist_ok=True)
                Path(self.path(source)).replace(self.path(target))
            else:
                self._filesystem.mv(self.path(source), self.path(target))
        except FileNotFoundError:
            if not self._filesystem.exists(self.path(target)):
                raise

    def _write(self, name: str, fill: Callable[[IO[bytes]], Any]) -> None:
        if not isinstance(self._filesystem, LocalFileSystem):
            with self._filesystem.open(self.path(name), "wb") as file:
                fill(file)
            return
        Path(self.path(name)).parent.mkdir(parents=True, exist_ok=True)
        with Path(self.path(name)).open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())

    def names(self, below: str) -> list[str]:
        """Names of all that lies directly inside a folder, without it; empty when it does not exist."""
        return [name for name, _ in self._listing(below)]

    def _listing(self, below: str) -> list[tuple[str, str]]:
        """Names directly inside a folder, with ``file`` or ``directory``."""
        try:
            if isinstance(self._filesystem, LocalFileSystem):
                with os.scandir(self.path(below)) as found:
                    return [(entry.name, "directory" if entry.is_dir() else "file") for entry in found]
            entries = self._filesystem.ls(self.path(below), detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [(PurePosixPath(entry["name"]).name, entry["type"]) for entry in entries]

    def _dataset(self, names: Sequence[str], like: str) -> Any:
        filesystem = pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(self._filesystem))
        typed = pyarrow.dataset.dataset(self.path(like), filesystem=filesystem, format="parquet")
        return pyarrow.dataset.dataset(
            [self.path(name) for name in names], schema=typed.schema, filesystem=filesystem, format="parquet"
        )


def _cut(sizes: Sequence[int], start: int, most: int) -> int:
    """How far a portion that begins at `start` goes: at least one size, and no more than `most` where it can be."""
    stop, total = start + 1, sizes[start]
    while stop < len(sizes) and total + sizes[stop] <= most:
        total += sizes[stop]
        stop += 1
    return stop


def _overtaken(pending: Sequence[str], newest: int) -> list[str]:
    """Files of batches that were killed before they took their number, which another batch has taken."""
    journals = {name.removesuffix(".json") for name in pending if name.endswith(".json")}
    numbered = [found for name in pending if (found := _NUMBERED.match(name))]
    return [f[0] for f in numbered if int(f["number"]) < newest and f["batch"] not in journals]


def _fill(frame: pl.DataFrame, file: IO[bytes]) -> None:
    """Write parquet; what the disk refuses is an OSError, though polars has an error of its own for it."""
    try:
        frame.write_parquet(file)
    except pl.exceptions.ComputeError as error:
        raise OSError(str(error)) from error


def _is_visible(name: PurePosixPath) -> bool:
    return name.suffix == ".parquet" and not any(part.startswith((".", "_")) for part in name.parts)


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
