"""Sources: one account, subscription, billing project or cluster of one tenant, with its credentials."""
