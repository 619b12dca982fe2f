"""The operations of the console, by subject."""
