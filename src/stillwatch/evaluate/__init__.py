"""Evaluation on simulated worlds of known truth, with an interval for every figure."""
