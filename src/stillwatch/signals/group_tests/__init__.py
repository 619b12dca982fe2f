"""Group tests: evidence that the accounts of a group are not independent of each other."""
