"""What ends the stream worker. Bad messages do not: they become dead letters."""


class StreamError(Exception):
    """Base of all: says what, where, and the way out."""


class KafkaUnreachableError(StreamError):
    """No broker answers."""


class StoreUnreachableError(StreamError):
    """The online store does not answer at the start."""


class DefinitionsError(StreamError):
    """The feature repo or its registry cannot be served as it is."""


class TopicError(StreamError):
    """A topic or a view that the worker cannot serve as it is registered."""


class ReplacedError(StreamError):
    """Another worker with the same instance name took this one's place in the group."""


class NotDurableError(StreamError):
    """Dead letters or archive rows could not be made durable; their offsets are not committed."""
