"""Bodies of the Snowflake functions and procedures, each a file that Snowflake itself can run.

They import the standard library alone, so that the same text runs in Snowflake, in the embedded one
and in a unit test. `components.snowflake.handler_source` puts a handler together from these files.
"""
