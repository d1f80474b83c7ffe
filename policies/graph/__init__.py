"""Properties of a whole deployment, computed from its resources: nothing is asked of any cloud."""
