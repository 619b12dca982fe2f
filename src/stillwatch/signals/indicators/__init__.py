"""Kinds of values that accounts can share."""
