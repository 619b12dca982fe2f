"""Whether an actor directed a campaign, compared with rival hypotheses."""
