"""The envelopes that log shippers put around records, one module each."""
