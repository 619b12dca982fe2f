"""Observations and daily summaries that are kept between runs."""
