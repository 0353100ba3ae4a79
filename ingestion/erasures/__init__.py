"""Erasing a person everywhere: `python -m ingestion.erase`.

::

    DELETE /users/{id} --> topic erasures --> tombstone --> stream workers: windows without them, from the archive
                                                 |              '--> acknowledged
                                                 |--> snapshots of before deleted
                                                 |--> archive, tables, prediction log: files replaced by files without them
                                                 |--> Redis, dead letters
                                                 |--> reports and quarantine: what they quote
                                                 '--> topic erasure_receipts --> GET /erasures/{receipt}

A tombstone is a salted hash of the person's id and an instant: whatever of theirs happened or arrived up to it is gone and stays
gone. Later events are those of somebody who came back.

Why nothing is left, in whatever order programs are killed
----------------------------------------------------------
1. The tombstone comes first, and everything else follows from it: each step may be repeated, and is after a crash.
2. A unit of windows belongs to a set of tombstones as it belongs to the definition of its view. With another set its windows are
   computed anew from archive and topic, without whom they name, beside those that are served; then they take their place. The
   rows of every entity that had something of them are taken out of the online store at that moment, and all rows are pushed.
3. Then it acknowledges. Snapshots with windows of before are deleted after that, and none can come any more.
4. Archives are rewritten only then: until they are, windows that have to be computed once more find out which entities they had
   something of. Before, a number of each archive is taken (`ingestion.claims`): whoever archives has to look again, and reads the
   tombstones when it does, so that nothing of theirs is archived afterwards.
5. A file is replaced by one that counts in its place (`ingestion.joined`): readers beside it see each row once. The old one is
   deleted when no reader can still be opening it; only then a place is done.
"""
