"""A simulated shop with a prediction log, and what may go wrong in it, for `python -m tests.benchmarks.faults`."""
