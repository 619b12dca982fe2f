"""Databases that run table expressions; no other package imports a database."""
