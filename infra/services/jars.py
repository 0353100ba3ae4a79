"""Kafka's jars: resolved once from Maven Central into a cache folder, by Maven, else by jgo."""

import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from infra.services.errors import JarsError
from infra.services.lock import exclusive

LOG4J_VERSION = "2.25.5"
"""Kafka's POM names no logging backend; this one speaks to the slf4j 1.7 that Kafka 4 is built with."""

DOWNLOADS_AT_ONCE = 8

Coordinates = tuple[tuple[str, str, str], ...]
"""Group, artifact and version of each jar asked for; the rest follows from their POMs."""


@dataclass(frozen=True)
class Jars:
    """The jars of one Kafka version with the logging backend that its POM leaves out."""

    cache: Path
    kafka_version: str

    @property
    def folder(self) -> Path:
        """Exists only when it is complete."""
        return self.cache / f"kafka-{self.kafka_version}"

    @property
    def coordinates(self) -> Coordinates:
        """The broker and the logging backend."""
        return (
            ("org.apache.kafka", "kafka_2.13", self.kafka_version),
            ("org.apache.logging.log4j", "log4j-core", LOG4J_VERSION),
            ("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J_VERSION),
        )

    def classpath(self) -> str:
        """For `java -cp`. Resolves the jars at the first call; any number of processes may call it at once.

        Raises:
            JarsError: they are neither cached nor to be had.
        """
        if not self.folder.is_dir():
            with exclusive(self.cache / ".lock"):
                if not self.folder.is_dir():
                    self._resolve()
        return str(self.folder / "*")

    def _resolve(self) -> None:
        with tempfile.TemporaryDirectory(dir=self.cache) as scratch:
            jars = Path(scratch) / "jars"
            jars.mkdir()
            with Console(stderr=True).status(f"fetching Kafka {self.kafka_version} from Maven Central, once"):
                _fetch(self.coordinates, jars)
            self._check(jars)
            jars.rename(self.folder)

    def _check(self, jars: Path) -> None:
        """A resolver that mixes versions would give a broker that fails later and obscurely."""
        expected = {f"{artifact}-{version}.jar" for _, artifact, version in self.coordinates}
        expected.add(f"kafka-clients-{self.kafka_version}.jar")
        missing = expected - {jar.name for jar in jars.iterdir()}
        if missing:
            raise JarsError(
                f"the resolved jars of Kafka {self.kafka_version} lack {', '.join(sorted(missing))}"
            )


def _fetch(coordinates: Coordinates, jars: Path) -> None:
    """By Maven where it is installed and works, else by jgo."""
    maven = shutil.which("mvn")
    failure = _by_maven(maven, coordinates, jars) if maven else "mvn is not on the PATH"
    if failure:
        by_jgo(coordinates, jars, why_not_maven=failure)


def _by_maven(maven: str, coordinates: Coordinates, jars: Path) -> str | None:
    """What went wrong, None when nothing did."""
    pom = jars.with_name("pom.xml")
    pom.write_text(_pom(coordinates))
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={jars}", "-DincludeScope=runtime"]
    command = [maven, "--batch-mode", "--quiet", "--file", str(pom), *goal]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{maven} failed: {(run.stdout + run.stderr)[-2000:]}" if run.returncode else None


def _pom(coordinates: Coordinates) -> str:
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version></dependency>"
        for group, artifact, version in coordinates
    )
    return (
        "<project><modelVersion>4.0.0</modelVersion><groupId>shop</groupId><artifactId>broker</artifactId>"
        f"<version>1</version><dependencies>{dependencies}</dependencies></project>"
    )


def by_jgo(coordinates: Coordinates, jars: Path, *, why_not_maven: str) -> None:
    """The `!` (raw) keeps jgo from preferring the versions that log4j's own build manages to Kafka's."""
    try:
        from jgo.maven import MavenContext  # noqa: PLC0415  (an optional extra)

        context = MavenContext(repo_cache=jars.with_name("repository"), timeout=60)
        wanted = [
            context.create_dependency(f"{group}:{name}:jar:{version}:compile!")
            for group, name, version in coordinates
        ]
        given, transitive = context.resolver.resolve(wanted)
        needed = [found.artifact for found in (*given, *transitive) if found.scope in {"compile", "runtime"}]
        with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
            files = list(pool.map(lambda artifact: Path(artifact.resolve()), needed))
    except Exception as error:
        raise JarsError(
            f"Kafka's jars could not be resolved; is Maven Central reachable? "
            f"By Maven: {why_not_maven}. By the `jgo` package: {error}"
        ) from error
    for file in files:
        file.rename(jars / file.name)
