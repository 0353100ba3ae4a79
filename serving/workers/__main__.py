"""One of several workers; `python -m serving` starts it."""

import sys

from serving.__main__ import run
from serving.settings import ServingSettings
from serving.workers.place import Place

if __name__ == "__main__":
    sys.exit(run(ServingSettings(), Place.parse(sys.argv[1:])))
