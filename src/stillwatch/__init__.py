"""Finds campaigns that harvest a language model's answers through its API."""

__version__ = "0.1.0"
