"""Bodies of the Snowflake functions and procedures, each a file that Snowflake itself can run.

They import the standard library alone, so that the same text runs in Snowflake, in the embedded one
and in a unit test. A handler's entry is `main`; a procedure's takes the session first, then the procedure's arguments
by their names in SQL. Of the session it uses `sql(…, params=[…]).collect()` and nothing else. A wrong argument is a
ValueError with one clear sentence, raised before anything is written.

`components.snowflake.handler_source` puts a handler together from these files.
"""
