"""Tests on a suspect, one file each."""
