"""This deployment: its settings, its names, what it is composed of, and what it tells."""
