"""Where table expressions run; the only room that knows a database."""
