"""Puts Spark's Kafka connector, and what it requires, among the jars of pyspark: python spark_jars.py."""

import shutil
import tempfile
from pathlib import Path

import pyspark

from ingestion.spark.session import open_session
from ingestion.spark.stream.kafka import with_connector

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        open_session(with_connector({"spark.master": "local[1]", "spark.jars.ivy": folder})).stop()
        for jar in sorted(Path(folder, "jars").glob("*.jar")):
            shutil.copy(jar, Path(pyspark.__file__).parent / "jars")
            print(f"added {jar.name}")
