"""Decides on requests at a gateway: one core, as a library and as a service, and one file for each kind
of gateway.
"""
