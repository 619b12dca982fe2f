"""What is shared with peers and authorities, on which terms, and what comes back: matching, TAXII,
releases and their log.
"""
