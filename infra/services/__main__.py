"""Redis and Kafka alone, without our programs."""

import sys

from infra.commands import main
from infra.services.local import LocalServices

if __name__ == "__main__":
    sys.exit(main("infra.services", __doc__, LocalServices))
