"""Writes results in the formats of other programs."""
