"""Documents on one campaign for counsel, policy readers and a court."""
