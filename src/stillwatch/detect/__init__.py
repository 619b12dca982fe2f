"""The pipeline: one verb per file, a plain function from tables to tables."""
