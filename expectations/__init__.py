"""What a good batch looks like: Great Expectations suites, the gates that hold batches to them, and the reports."""

import logging

# `feast materialize` logs everything at INFO; Great Expectations has dozens of lines per batch to say there.
logging.getLogger("great_expectations").setLevel(logging.WARNING)
