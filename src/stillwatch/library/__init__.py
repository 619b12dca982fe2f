"""The calls of `import stillwatch`, and the objects that they return."""
