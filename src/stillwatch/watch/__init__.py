"""Parts of a watch: sources of lines, state on disk, webhook and monitoring."""
