"""Log formats of vendors, one module each; `stillwatch.readers.registry` finds them."""
