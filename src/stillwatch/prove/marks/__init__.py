"""Marks set while an answer is sampled, one file each."""
