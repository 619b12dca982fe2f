"""Complete jobs of the tool, such as `scan` and `watch`, from files to results."""
