"""What may be said of a campaign: each claim from the rows that carry it, with its basis."""
