"""The embedded Snowflake: one account with its catalogue, its data and its two front ends (SQL and provider)."""
