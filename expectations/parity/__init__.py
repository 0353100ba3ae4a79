"""Parity: values that were served against the same values computed again from history."""
