class StoppedError(Exception):
    """Erasing was told to end, or waits no longer, before everything was done; the rest is done next time."""
