"""Evidence that a group of accounts is not a crowd of independent ones."""
