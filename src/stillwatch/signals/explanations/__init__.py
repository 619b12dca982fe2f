"""Innocent explanations: honest causes that make a group of accounts look controlled."""
