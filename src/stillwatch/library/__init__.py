"""The public functions of `import stillwatch` and the classes of their results."""
