"""`nexus verify`."""
