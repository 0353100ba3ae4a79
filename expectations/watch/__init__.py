"""The quality watch: repeats parity, freshness, checks and drift, and tells Prometheus what they found."""
