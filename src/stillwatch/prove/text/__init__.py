"""Marks set after an answer was sampled, for providers that cannot touch the sampler."""
