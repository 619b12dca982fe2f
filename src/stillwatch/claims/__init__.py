"""The claims that may be made about a campaign, each from the rows that support it and with its basis."""
