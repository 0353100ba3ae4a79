"""Freshness: how long an event takes until it is in what is served, against a target for each feature view."""
