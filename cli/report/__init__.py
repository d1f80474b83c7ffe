"""The evidence for a change: what it does and to whom, what it may cost and lose, who can reach patients' data."""
