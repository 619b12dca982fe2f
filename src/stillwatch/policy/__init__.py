"""Policies on members of campaigns: their rules, a preview of their effect, and their approvals and
roll-outs.
"""
