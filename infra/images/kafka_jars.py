"""Puts Kafka's jars into a folder: python kafka_jars.py VERSION FOLDER."""

import shutil
import sys

from infra.services.jars import Jars
from infra.settings import user_cache

if __name__ == "__main__":
    jars = Jars(user_cache(), sys.argv[1])
    jars.classpath()
    shutil.copytree(jars.folder, sys.argv[2], dirs_exist_ok=True)
