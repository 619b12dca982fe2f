"""One module an exporter."""
