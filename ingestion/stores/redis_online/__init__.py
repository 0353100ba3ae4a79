"""Parts of the Redis online store: wire formats, connections, the write script, read plans."""
