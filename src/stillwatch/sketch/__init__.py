"""Text is read once, here, and goes no further."""
