"""Results as a package that a third party verifies offline, and a log of sealed files."""
