"""Whole jobs; each reads like the picture of its data flow."""
