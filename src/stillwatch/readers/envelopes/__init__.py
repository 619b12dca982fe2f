"""One module an envelope: what shippers put around the records of a log."""
