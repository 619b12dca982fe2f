"""Experiments on models that the user owns: what a campaign gains, and what marks and defences do."""
