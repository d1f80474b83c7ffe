"""Plans and declarations as Snowflake's own SQL, for hands."""
