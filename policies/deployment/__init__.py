"""Policies of the deployment as a whole."""
