"""What a month of the declared resources costs: at least and at most."""
