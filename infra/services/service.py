"""A local service: prepared, started, waited for, and its address left where its clients look."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from infra.services.errors import ServiceUnreachableError
from infra.services.files import write_atomically
from infra.services.ports import LOOPBACK, accepts_connections, host_and_port, preferred_or_free, shown
from infra.services.processes import Program, Supervisor
from infra.services.readiness import await_ready
from infra.services.waiting import wait_until


class Server(Protocol):
    """A kind of server: how it is started and how it shows that it is ready."""

    @property
    def name(self) -> str:
        """A short word."""

    def program(self, port: int, data: Path, /) -> Program:
        """The program to run on `port` of the loopback interface, its files in `data`; prepares what it needs."""

    def answers(self, address: str) -> bool:
        """Whether a client's request at `address` is answered; asked only once the port is open."""


@dataclass(frozen=True)
class Service:
    """One server under a supervisor, or one that already runs at `external`."""

    server: Server
    supervisor: Supervisor
    preferred_port: int
    start_timeout: timedelta
    external: str | None = None

    @property
    def name(self) -> str:
        """Names its files, too."""
        return self.server.name

    @property
    def address_file(self) -> Path:
        """Holds `host:port` and nothing else, for clients that are configured by a file."""
        return self.supervisor.folder / f"{self.name}.addr"

    @property
    def address(self) -> str | None:
        """`host:port` of the running service, None when it does not run."""
        if self.external:
            return self.external
        return self._recorded() if self._running() else None

    def up(self) -> str:
        """Its address once it answers; what already runs is used as it is.

        Raises:
            ServiceStartError: it ended or did not answer within `start_timeout`; the log's tail is in the message.
            ServiceUnreachableError: the external one does not answer.
        """
        if self.external:
            return self._join(self.external)
        return self._once_ready() if self.address else self._start(preferred_or_free(self.preferred_port))

    def down(self) -> bool:
        """End it; False when it did not run. One that runs elsewhere is left alone."""
        return self.supervisor.stop(self.name)

    def restart(self) -> str:
        """End it, if it runs, and start it again where its clients know it. One that runs elsewhere is only waited for."""
        if self.external:
            return self.up()
        known = self._recorded()
        self.down()
        return self._start(host_and_port(known)[1]) if known else self.up()

    def answers(self) -> bool:
        """Whether it is up and serves a request now."""
        address = self.address
        return address is not None and self._ready(address)

    def _start(self, port: int) -> str:
        program = self.server.program(port, self.supervisor.folder / self.name)
        write_atomically(self.address_file, f"{LOOPBACK}:{port}")
        self.supervisor.start(program)
        return self._once_ready()

    def _recorded(self) -> str | None:
        try:
            return self.address_file.read_text().strip()
        except FileNotFoundError:
            return None

    def _ready(self, address: str) -> bool:
        return accepts_connections(address) and self.server.answers(address)

    def _join(self, address: str) -> str:
        if not wait_until(lambda: self._ready(address), self.start_timeout):
            raise ServiceUnreachableError(
                f"{self.name} does not answer at {shown(address)} (waited {self.start_timeout.total_seconds():g} s): "
                f"start it, correct the address, or unset it to have one started here"
            )
        write_atomically(self.address_file, address, private=True)
        return address

    def _once_ready(self) -> str:
        address = self._recorded() or ""
        await_ready(self.supervisor, self.name, lambda: self._ready(address), self.start_timeout)
        return address

    def _running(self) -> bool:
        return self.supervisor.pid(self.name) is not None
