"""The time after an action: new accounts that continue a campaign's work, and how far its rate fell."""
