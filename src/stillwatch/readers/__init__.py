"""Reads log files as tables of the contract; every row is read or recorded as lost."""
