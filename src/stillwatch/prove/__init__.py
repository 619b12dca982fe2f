"""Tests of whether a suspect model was trained on answers that we served."""
