"""Following logs as they grow: where lines come from, what is remembered, and who is told."""
