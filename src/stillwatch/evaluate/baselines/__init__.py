"""What do others do, on the same worlds? One module per method, found by its name."""
