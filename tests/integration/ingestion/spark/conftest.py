"""One Spark for all of these tests, in local mode."""

from collections.abc import Iterator
from typing import Any

import pytest

CONF = {
    "spark.master": "local[2]",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # Short-lived: compiling twice and collecting in parallel cost more than they bring.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "3",
    # Feast takes long to import on a busy machine.
    "spark.python.authenticate.socketTimeout": "300s",
    "spark.sql.streaming.stateStore.providerClass": (
        "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    ),
}


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """The session that our stores find open."""
    pytest.importorskip("pyspark", reason="pyspark is not installed: run `make test-spark`")
    from ingestion.spark.session import open_session

    session = open_session(CONF)
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()
