"""What can go wrong with a local service."""


class ServiceError(Exception):
    """Base of all: the message names the service, what was tried and the way out."""


class ServiceNotFoundError(ServiceError):
    """No program on this machine can serve."""


class ServiceStartError(ServiceError):
    """The program ended or did not answer in time; the message carries the tail of its log."""


class ServiceUnreachableError(ServiceError):
    """A service that runs elsewhere does not answer at its configured address."""


class JarsError(ServiceError):
    """Kafka's jars could not be resolved."""
