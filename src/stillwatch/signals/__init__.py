"""Signals: indicators, group tests and innocent explanations, one file each; the registry finds them."""
