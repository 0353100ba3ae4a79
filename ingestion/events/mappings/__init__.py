"""Mappings of public data sets, by name."""
