"""Probe of whether one party controls a group's accounts: some requests are refused at random, and their
work may move to other accounts.
"""
