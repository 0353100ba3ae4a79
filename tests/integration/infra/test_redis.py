"""A real Redis: up, found again, refused."""

import socket
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from infra.services.errors import ServiceStartError, ServiceUnreachableError
from infra.services.local import redis_service
from infra.services.ports import LOOPBACK, free_port
from tests.services import RunningRedis, own_settings


def test_data_outlives_a_kill(own_redis: RunningRedis) -> None:
    """A key that is in the append-only file is read after SIGKILL and restart, at the same address."""
    with own_redis.client() as client:
        client.set("order", "o1")
        assert client.execute_command("WAITAOF", 1, 0, 5000)[0] == 1
    own_redis.kill()
    own_redis.restart()
    with own_redis.client() as client:
        assert client.get("order") == b"o1"


def test_it_listens_on_loopback_and_appends(redis_server: RunningRedis) -> None:
    """The running server confirms what it was asked for."""
    wanted = {
        "bind": LOOPBACK,
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
    }
    with redis_server.client(decode_responses=True) as client:
        assert {name: client.config_get(name)[name] for name in wanted} == wanted


def test_up_twice_and_down_twice_are_no_errors(own_redis: RunningRedis) -> None:
    """The second up finds the first one's process, the second down finds nothing."""
    service = own_redis.service
    pid = service.supervisor.pid("redis")
    assert service.up() == own_redis.address
    assert service.supervisor.pid("redis") == pid
    assert service.down()
    assert not service.down()
    assert service.address is None
    assert not service.answers()


def test_its_address_is_left_in_a_file(own_redis: RunningRedis) -> None:
    """`redis.addr` holds host:port and nothing else."""
    assert own_redis.service.address_file.name == "redis.addr"
    assert own_redis.service.address_file.read_text() == own_redis.address


def test_a_taken_port_is_avoided(tmp_path: Path) -> None:
    """With the preferred port in use, another one serves."""
    with closing(socket.create_server((LOOPBACK, 0))) as taken:
        port = taken.getsockname()[1]
        service = redis_service(own_settings(tmp_path, redis_port=port))
        try:
            assert service.up() != f"{LOOPBACK}:{port}"
            assert service.answers()
        finally:
            service.down()


def test_an_error_shows_the_end_of_the_log(tmp_path: Path) -> None:
    """A server that cannot read its own file says so in our error, and is not left half up."""
    service = redis_service(own_settings(tmp_path))
    broken = tmp_path / "services" / "redis" / "appendonlydir"
    broken.mkdir(parents=True)
    (broken / "appendonly.aof.manifest").write_text("not a manifest\n")
    with pytest.raises(
        ServiceStartError, match=r"(?s)redis ended before it answered.*redis\.log:.*AOF manifest"
    ):
        service.up()
    assert service.address is None


def test_one_that_runs_elsewhere_is_used_and_left_alone(redis_server: RunningRedis, tmp_path: Path) -> None:
    """Its address is handed on in `redis.addr`; down does not end it."""
    service = redis_service(own_settings(tmp_path, redis_address=redis_server.address))
    assert service.up() == service.address_file.read_text() == redis_server.address
    assert not service.down()
    assert redis_server.service.answers()


def test_one_that_does_not_answer_elsewhere_is_named(tmp_path: Path) -> None:
    """The error carries the address and what to do."""
    address = f"{LOOPBACK}:{free_port()}"
    settings = own_settings(tmp_path, redis_address=address, start_timeout_seconds=0.1)
    with pytest.raises(ServiceUnreachableError, match=f"redis does not answer at {address} .*unset it"):
        redis_service(settings).up()


def test_an_executable_that_is_not_there_is_named(tmp_path: Path) -> None:
    """SHOP_REDIS_SERVER pointing nowhere is said so."""
    service = redis_service(own_settings(tmp_path, redis_server=tmp_path / "absent"))
    with pytest.raises(ServiceStartError, match="absent cannot be run"):
        service.up()


def test_a_silent_program_is_ended_at_the_deadline(tmp_path: Path) -> None:
    """What never answers does not stay behind."""
    script = tmp_path / "mute"
    script.write_text("#!/bin/sh\necho thinking\nexec sleep 60\n")
    script.chmod(0o755)
    settings = own_settings(tmp_path, redis_server=script, start_timeout_seconds=0.3)
    service = replace(redis_service(settings))
    with pytest.raises(ServiceStartError, match=r"(?s)did not answer within 0.3 s.*thinking"):
        service.up()
    assert service.supervisor.pid("redis") is None
