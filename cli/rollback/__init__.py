"""`nexus rollback`: what can be undone, and its undoing."""
