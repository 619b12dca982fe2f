"""Simulated worlds with known truth, for tests of the detector."""
