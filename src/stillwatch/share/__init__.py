"""Sharing with peers and authorities: matching, TAXII, releases and their log, and received indicators."""
