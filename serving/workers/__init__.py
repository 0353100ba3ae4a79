"""Several processes that answer on one socket."""
