"""What can be noticed; one file each, found by the registry."""
