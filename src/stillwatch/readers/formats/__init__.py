"""Logs as vendors write them, one module each; `stillwatch.readers.registry` finds them."""
