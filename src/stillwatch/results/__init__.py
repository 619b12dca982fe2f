"""The folder that a scan writes and everything else reads."""
