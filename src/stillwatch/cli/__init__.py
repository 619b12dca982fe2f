"""The only room that prints, parses options and exits."""
