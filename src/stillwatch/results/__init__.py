"""Writing and reading of results folders."""
