"""Marks set after an answer was sampled, for providers that cannot change the sampler."""
