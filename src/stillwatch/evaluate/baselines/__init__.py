"""Other methods, run on the same worlds for comparison: one module per method, found by its name."""
