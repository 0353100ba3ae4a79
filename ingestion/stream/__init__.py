"""From Kafka to Redis: the stream worker.

One batch after the other goes through these stages; each is a module of its own::

    Kafka --> poll --> decode --+--> groups of units --> push changed rows to Redis   (at once: freshness)
                                |--> lead: buffer --> archive file --> commit offsets (every few seconds: durability)
                                |          '--> dead letters
                                '    snapshot of the groups                           (every few minutes: quick starts)

Who does what
-------------
The windows of a view over one share of its entities are a unit (`units`). Members of the consumer group share the 32
partitions of a topic without messages, its parts; each unit belongs to a part, whose holder keeps its windows and pushes its
rows. Part 0 is the lead: its holder archives, keeps dead letters and commits. As messages are keyed by user and windows may
be over products or devices, every worker reads all partitions of the topics that its units, or the lead, need.

Units over one topic at one set of positions are a group (`group`): they share a repeat filter, and rows before their positions
are left out. A unit that is gained is brought up to date beside the stream (`recovery`, in a thread): its newest snapshot, what
the archive holds behind it, or the archive alone. What is left between it and the stream is read from Kafka by a reader of its
own (`joining`), in portions between the batches; then it goes with the stream, and groups that have come to the same positions
become one. A view that is new or changed while the worker runs (`definitions`) takes the same way.

What is kept, and why nothing is lost or counted twice
------------------------------------------------------
The archive is the log of record. The state of a group at positions P is fold(everything before P), wherever the parts of it
came from.

1. Offsets are committed last: first the broker has acknowledged the dead letters, then the archive file is durable
   (all rows of it or none), then the offsets behind both are committed. A commit that is missing is therefore always
   behind the archive, never ahead of it.
2. Whoever takes the lead continues each partition behind the later of its committed offset and its last archived one
   (`offsets`), and asks in an order in which a lead that still works cannot mislead: commits, then the archive, then the ends
   of the partitions. What had been read but not archived is read again, and archived once; groups that have it leave it out.
3. A snapshot holds positions and windows of one moment. What the archive holds behind them is told by offsets
   (`archive_index`), whatever file it lies in; rows without offset by the name of their file.
4. Rows are pushed before their events are archived. After a crash Redis may thus be ahead of the archive for a moment;
   the same events are read again and give the same rows, and Redis keeps the newest of each entity. An event that has become
   too old for every window meanwhile changes its entity all the same: what was pushed with it is replaced.
5. A unit remembers which store its rows were pushed to (the run ids of its servers). Another one is given every row, in
   portions. Windows that became empty meanwhile change in the fold, and are pushed like others.
6. A dead letter may be written twice by a crash between its delivery and the commit; its origin identifies it and
   readers count an origin once.
7. Redis away: the batch in hand is retried with backoff, nothing more is read, the place in the group is kept.
8. Parts that are given up in order: the lead archives and commits, units are saved, then others get them. Parts that were lost
   are dropped without writing anything; before it archives, a lead that was silent for long asks whether it still leads, and
   commits carry the group's generation, so one that was replaced while it hung cannot commit. Whatever it was told, its batches
   for an archive are numbered, and a number is taken once: if its successor has archived, its own batch is refused.

Adding or changing a view in the feature repo and ``feast apply`` are all it takes: topics, contracts, archives and windows are
read from the registry. A new topic needs a restart.
"""
