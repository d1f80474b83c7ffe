"""Policies of what is declared on Snowflake."""
