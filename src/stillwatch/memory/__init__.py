"""What people decided and what is known from earlier scans: labels, names of campaigns, and the record of
both.
"""
