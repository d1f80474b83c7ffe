"""`nexus bench`."""
