"""What follows an action: new accounts that take up a campaign's work, and how far its rate fell."""
