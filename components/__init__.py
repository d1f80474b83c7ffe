"""Reusable component resources for Snowflake and Azure: they know nothing of one deployment."""
