"""The results folder as a page that a person reads."""
