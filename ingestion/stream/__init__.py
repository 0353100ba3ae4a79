"""From Kafka to Redis: the stream worker.

One batch after the other goes through these stages; each is a module of its own::

    Kafka --> poll --> decode --+--> windows --> push changed rows to Redis      (at once: freshness)
                                |--> buffer --> archive file --> commit offsets  (every few seconds: durability)
                                '--> dead letters

What is kept, and why nothing is lost or counted twice
------------------------------------------------------
The archive is the log of record, and the state is always fold(archive) + fold(Kafka behind the archive).

1. Offsets are committed last: first the broker has acknowledged the dead letters, then the archive file is durable
   (all rows of it or none), then the offsets behind both are committed. A commit that is missing is therefore always
   behind the archive, never ahead of it.
2. At the start a worker folds the archive into fresh windows and continues each partition behind the later of its
   committed offset and its last archived one (`offsets`). What had been read but not archived is read again: it was
   folded only into memory that is gone, so it counts once. What had been archived but not committed is not read again.
3. Rows are pushed before their events are archived. After a crash Redis may thus be ahead of the archive for a moment;
   the same events are read again and give the same rows, and Redis keeps the newest of each entity.
4. After the fold every entity of the state is pushed, so Redis is right after a downtime of its own or ours, also for
   windows that became empty meanwhile: the fold starts as far before the last archived arrival as the longest window.
5. A dead letter may be written twice by a crash between its delivery and the commit; its origin identifies it and
   readers count an origin once.
6. Redis away: the batch in hand is retried with backoff, nothing more is read, the place in the group is kept. When it
   answers again the row of every entity is pushed once more, in portions, as it may have lost its last writes.

One worker works, others stand by
---------------------------------
A window over products or devices needs all partitions of its topic, as messages are keyed by user. So the members of the
consumer group do not share the event topics: they subscribe to a topic of one partition, whoever holds it reads all event
partitions, and the others wait for it. A worker that loses it drops its state and stands by; the next one folds the
archive. Commits carry the group's generation, so one that was replaced while it hung cannot commit.

Adding or changing a view in the feature repo, ``feast apply`` and a restart are all it takes: topics, contracts,
archives and windows are read from the registry.
"""
