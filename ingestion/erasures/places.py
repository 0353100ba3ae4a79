"""What is taken out of which place. Each may be repeated; each returns how much it took out, by person."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import polars as pl
from confluent_kafka import Message
from feast import FeatureStore

from ingestion.archive import ARRIVAL, Archive
from ingestion.erasures.desk import Desk
from ingestion.erasures.letters import names
from ingestion.erasures.rewriting import Rewriting, fence
from ingestion.erasures.tombstones import PERSON, gone
from ingestion.folder import Folder
from ingestion.stores import single_file
from ingestion.stores.erasure import delete_entity, delete_rows_before, rewrite_log
from ingestion.stores.sources import Source
from ingestion.stream.ledger import Ledger
from ingestion.stream.letterbox import LetterBox
from ingestion.stream.letters import DeadLetter

Counts = dict[str, int]
Ends = Mapping[str, int]
"""Up to when everything is to be gone, Unix microseconds, by person."""
_MICROSECOND_SECONDS: Final = 1e-6


@dataclass(frozen=True)
class Files:
    """Archives, tables and the prediction log.

    Attributes:
        archives: Of the event topics.
        predictions: Of the prediction log.
        tables: Sources of feature views that are no archives.
        now_us: The clock, in microseconds since the epoch.
        grace: How long replaced files are kept.
        machine: Name of this machine.
        told: Called with a folder, the files looked through so far and how many it has.
    """

    archives: Sequence[Archive]
    predictions: Archive
    tables: Sequence[Source]
    now_us: Callable[[], int]
    grace: timedelta
    machine: str
    told: Callable[[str, int, int], None]

    def fence(self) -> None:
        """From now on nothing is archived by anybody who has not read the tombstones since."""
        for archive in (*self.archives, self.predictions):
            fence(archive.folder)

    def leave_out_of_archives(self, ends: Ends) -> Counts:
        """Event archives."""
        return _summed(self._leave_out(archive, ends) for archive in self.archives)

    def leave_out_of_predictions(self, ends: Ends) -> Counts:
        """The prediction log."""
        return self._leave_out(self.predictions, ends)

    def leave_out_of_tables(self, ends: Ends) -> Counts:
        """Tables that name people."""
        return _summed(self._leave_out_of_table(table, ends) for table in self.tables)

    def replaced(self) -> int:
        """Delete replaced files whose time has come; how many are still there."""
        return sum(rewriting.clear() for rewriting in self._all())

    def is_back(self, ends: Ends) -> set[str]:
        """Who has done something since they were erased."""
        theirs = pl.col(PERSON).cast(pl.String)
        found = set[str]()
        for archive in self.archives:
            files = [name for name in archive.folder.files_below() if PERSON in archive.folder.schema(name)]
            if files:
                rows = archive.folder.scan(files).select(theirs).filter(theirs.is_in(list(ends))).unique()
                found |= set(rows.collect()[PERSON])
        return found

    def _leave_out(self, archive: Archive, ends: Ends) -> Counts:
        return self._through(self._of_archive(archive), ends)

    def _leave_out_of_table(self, table: Source, ends: Ends) -> Counts:
        files = table.files
        if isinstance(files, Folder):
            return self._through(self._rewriting(files, table.times), ends) if files.exists() else {}
        if not files.is_file() or PERSON not in pl.read_parquet_schema(files):
            return {}
        there = pl.read_parquet_schema(files)
        out = single_file.leave_out(files, gone(ends, [time for time in table.times if time in there]))
        return dict(out.group_by(pl.col(PERSON).cast(pl.String)).agg(pl.len()).iter_rows())

    def _through(self, rewriting: Rewriting, ends: Ends) -> Counts:
        url = rewriting.folder.url
        return rewriting.leave_out(ends, lambda done, total: self.told(url, done, total))

    def _all(self) -> list[Rewriting]:
        archives = [self._of_archive(archive) for archive in (*self.archives, self.predictions)]
        tables = [self._rewriting(t.files, t.times) for t in self.tables if isinstance(t.files, Folder)]
        return archives + [rewriting for rewriting in tables if rewriting.folder.exists()]

    def _of_archive(self, archive: Archive) -> Rewriting:
        return self._rewriting(archive.folder, (archive.timestamp_column, ARRIVAL))

    def _rewriting(self, folder: Folder, times: Sequence[str]) -> Rewriting:
        return Rewriting(folder, times, self.now_us, self.grace, self.machine)


@dataclass(frozen=True)
class Online:
    """The online store: what is not the windows' own, such as tables that were materialized."""

    store: FeatureStore

    def delete(self, ends: Ends, is_back: Iterable[str]) -> Counts:
        """Everything of the people; of those who came back, what is not newer than their instant."""
        back = set(is_back)
        counts = {person: self._delete(person, end, person in back) for person, end in ends.items()}
        rewrite_log(self.store)
        return counts

    def _delete(self, person: str, end_us: int, is_back: bool) -> int:
        if is_back:
            return delete_rows_before(self.store, {PERSON: person}, end_us * _MICROSECOND_SECONDS)
        return delete_entity(self.store, {PERSON: person})


@dataclass(frozen=True)
class Letters:
    """The dead-letter topic, of which only the oldest messages can be deleted: what stays is written once more first.

    Attributes:
        topic: Its name.
        desk: Kafka.
        box: Writes letters.
    """

    topic: str
    desk: Desk
    box: LetterBox

    def delete(self, ends: Ends) -> Counts:
        """Letters that name one of the people and arrived up to their instant, replayed or not; counted are the open ones.

        Raises:
            NotDurableError: the broker has not taken those that stay; nothing was deleted.
        """
        written, messages = self.desk.ends(self.topic), self.desk.messages(self.topic)
        letters = Ledger.read((m.headers(), m.key(), m.value()) for m in messages).letters.values()
        theirs = {person: [x for x in letters if _is_theirs(x, person, end)] for person, end in ends.items()}
        if any(_has(message, person) for message in messages for person in ends):
            gone_letters = {letter.origin for found in theirs.values() for letter in found}
            self.box.send(letter for letter in letters if letter.origin not in gone_letters)
            self.box.flush()
            self.desk.delete(written)
        return {person: len(found) for person, found in theirs.items()}


def _is_theirs(letter: DeadLetter, person: str, end_us: int) -> bool:
    texts = (letter.key, letter.value, letter.reason.encode())
    return letter.arrival_us <= end_us and any(names(text, person) for text in texts)


def _has(message: Message, person: str) -> bool:
    texts = (message.key(), message.value(), *(value for _, value in message.headers() or ()))
    return any(names(text, person) for text in texts)


def _summed(counts: Iterable[Counts]) -> Counts:
    total: Counts = {}
    for each in counts:
        for person, count in each.items():
            total[person] = total.get(person, 0) + count
    return total
