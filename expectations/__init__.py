"""What a good batch looks like: Great Expectations suites, the gates that hold batches to them, and the reports."""
