"""Decides on requests at a gateway. The core runs as a library or as a service; one adapter serves each kind
of gateway.
"""
