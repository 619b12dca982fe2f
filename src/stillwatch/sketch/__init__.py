"""Digests and classes of prompts, which the detector uses in place of text."""
