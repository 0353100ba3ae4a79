"""The platform's steps and its command line."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from infra import commands, topics
from infra.platform import Platform
from infra.programs import PythonServer, api, quality_watch, stream_worker
from infra.services.errors import ServiceStartError
from infra.services.local import LocalServices
from infra.services.ports import LOOPBACK, free_port
from infra.services.service import Service
from infra.settings import InfraSettings
from tests.services import RunningKafka, RunningRedis, own_settings

WELL = """
import http.server, os
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == os.environ["HEALTH"] else 404)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(os.environ["TEST_PORT"])), Page).serve_forever()
"""


@pytest.fixture
def settings(tmp_path: Path, redis_server: RunningRedis, kafka_broker: RunningKafka) -> InfraSettings:
    """The session's servers, with topics and data of the test's own."""
    own = [kafka_broker.topic(name) + "_new" for name in ("orders", "page_views", "dead", "predictions")]
    return own_settings(
        tmp_path,
        redis_address=redis_server.address,
        kafka_bootstrap=kafka_broker.bootstrap,
        event_topics=tuple(own[:2]),
        dead_letter_topic=own[2],
        predictions_topic=own[3],
    )


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Service]:
    """A program of one's own that answers on /health."""
    (tmp_path / "well.py").write_text(WELL)
    environment = {"PYTHONPATH": str(tmp_path), "HEALTH": "/health"}
    platform = Platform(own_settings(tmp_path))
    service = platform._service(PythonServer("web", "well", "TEST_PORT", "/health", environment), free_port())
    yield service
    service.down()


def test_services_and_topics_are_there_after_their_steps(settings: InfraSettings) -> None:
    """Both steps may be repeated; events have four partitions, dead letters one."""
    platform = Platform(settings)
    all_topics = {*settings.event_topics, settings.dead_letter_topic, settings.predictions_topic}
    for created in (all_topics, set()):
        platform.start_services()
        assert platform.create_topics() == created
    known = AdminClient({"bootstrap.servers": settings.kafka_bootstrap}).list_topics().topics
    assert [len(known[topic].partitions) for topic in settings.event_topics] == [4, 4]
    assert len(known[settings.dead_letter_topic].partitions) == 1


def test_programs_are_told_where_everything_is(settings: InfraSettings) -> None:
    """Addresses and the data folder, absolute, in variables that their settings read."""
    assert Platform(settings).environment() == {
        "SHOP_DATA_DIR": str(settings.data_dir),
        "SHOP_FEATURE_REPO": str(settings.feature_repo.resolve()),
        "FEAST_FS_YAML_FILE_PATH": str(settings.data_dir / "feature_store.yaml"),
        "SHOP_REDIS_ADDRESS": settings.redis_address,
        "SHOP_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
    }
    assert (
        stream_worker({}).program(7000, settings.data_dir).environment["SHOP_STREAM_METRICS_PORT"] == "7000"
    )
    environment = api({}).program(7001, settings.data_dir).environment
    assert (environment["SHOP_API_HOST"], environment["SHOP_API_PORT"]) == (LOOPBACK, "7001")
    watch = quality_watch({}, settings.feature_repo).program(7002, settings.data_dir)
    repo = str(settings.feature_repo.resolve())
    assert watch.argv == (sys.executable, "-m", "expectations", "watch", "--repo", repo)
    assert watch.environment["SHOP_QUALITY_METRICS_PORT"] == "7002"


def test_only_what_runs_has_a_url(settings: InfraSettings) -> None:
    """Redis and Kafka run, the programs do not; stopping ends nothing that is not ours."""
    platform = Platform(settings)
    assert platform.urls() == {
        "Redis": f"redis://{settings.redis_address}",
        "Kafka": settings.kafka_bootstrap,
    }
    assert platform.stop() == ()


def test_a_program_is_up_once_its_health_page_answers(web: Service) -> None:
    """It runs on the port that it was given, and a second up finds it."""
    address = web.up()
    assert web.answers()
    assert web.up() == address
    assert web.down()


def test_a_program_avoids_a_taken_port(web: Service) -> None:
    """Another one listens on the preferred port."""
    with closing(socket.create_server((LOOPBACK, web.preferred_port))):
        assert web.up() != f"{LOOPBACK}:{web.preferred_port}"


def test_a_program_that_fails_shows_its_traceback(tmp_path: Path) -> None:
    """The end of its log is in the error."""
    service = Platform(own_settings(tmp_path))._service(
        PythonServer("web", "no_such_module", "TEST_PORT", "/health", {}), free_port()
    )
    with pytest.raises(
        ServiceStartError, match=r"(?s)web ended before it answered.*No module named no_such_module"
    ):
        service.up()


@dataclass(frozen=True)
class Alone:
    """A stack of one service."""

    service: Service

    @property
    def services(self) -> tuple[Service, ...]:
        return (self.service,)

    def up(self) -> None:
        self.service.up()


def test_up_status_and_down_tell_what_is(
    web: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 0 when all of it holds; status gives 1 when something is down."""
    monkeypatch.setenv("SHOP_DATA_DIR", str(tmp_path))

    def run(action: str) -> tuple[int, str]:
        return commands.main("infra.test", None, lambda _: Alone(web), [action]), capsys.readouterr().out

    assert run("status")[0] == 1
    for _ in range(2):
        code, table = run("up")
        assert code == 0
        assert f"up    │ {web.address}" in table
    assert run("down") == (0, "web: ended\n")
    assert run("down") == (0, "web: did not run\n")


def test_an_error_of_up_is_printed_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1 and the message on stderr; a wrong setting is named."""
    monkeypatch.setenv("SHOP_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("SHOP_START_TIMEOUT_SECONDS", "0.1")
    monkeypatch.setenv("SHOP_REDIS_ADDRESS", f"{LOOPBACK}:{free_port()}")
    for program, stack in (("infra.services", LocalServices), ("infra.platform", Platform)):
        assert commands.main(program, None, stack, ["up"]) == 1
        assert capsys.readouterr().err.startswith("redis does not answer at")
    monkeypatch.setenv("SHOP_KAFKA_BOOTSTRAP", "nowhere")
    assert commands.main("infra.platform", None, Platform, ["up"]) == 2
    assert "'nowhere' is not host:port" in capsys.readouterr().err


def test_the_topics_command_creates_what_is_absent(
    settings: InfraSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints what it created, and the second time that there was nothing to do."""
    monkeypatch.setenv("SHOP_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("SHOP_KAFKA_BOOTSTRAP", str(settings.kafka_bootstrap))
    monkeypatch.setenv("SHOP_DEAD_LETTER_TOPIC", settings.dead_letter_topic)
    monkeypatch.setattr(sys, "argv", ["infra.topics"])
    assert topics.main() == 0
    assert settings.dead_letter_topic in capsys.readouterr().out
    assert topics.main() == 0
    assert capsys.readouterr().out == "created nothing: all topics are there\n"


def test_each_event_type_has_its_topic() -> None:
    """The topics created are those that the feature definitions read."""
    from feature_repo import events
    from ingestion.derive import EventType

    defined = {kind.name for kind in vars(events).values() if isinstance(kind, EventType)}
    assert set(InfraSettings().event_topics) == defined


@pytest.mark.parametrize("module", ["infra.platform", "infra.services", "infra.topics"])
def test_help_is_quick_and_lists_the_settings(module: str) -> None:
    """Neither Feast nor Great Expectations is imported for it."""
    command = [sys.executable, "-X", "importtime", "-m", module, "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "SHOP_KAFKA_BOOTSTRAP" in shown.stdout
    assert not re.search(r"\| +(feast|great_expectations)$", shown.stderr, re.MULTILINE)
