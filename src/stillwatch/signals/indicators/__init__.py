"""Indicators: kinds of values that accounts can share."""
