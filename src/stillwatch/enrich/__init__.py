"""Public knowledge on an address, a mail domain, a user agent or a TLS fingerprint."""
