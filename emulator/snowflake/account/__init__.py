"""One Snowflake account: what exists, who owns it, who may do what, and the data itself.

`Account` is the door. The catalogue lies in SQLite; databases, schemas, tables, views and functions
also exist in DuckDB files, made through fakesnow. Both front ends (the SQL one and the provider's) go
through it, so that both see the same truth and both are refused the same things.
"""

from emulator.snowflake.account.account import Account
from emulator.snowflake.account.errors import SnowflakeError
from emulator.snowflake.account.model import (
    Column,
    Grant,
    Grantee,
    GrantTarget,
    Mask,
    ParameterValue,
    PolicyReference,
    Protection,
    RoleGrant,
    SnowflakeObject,
    TableChange,
    TagReference,
)
from emulator.snowflake.account.names import ObjectName
from emulator.snowflake.account.session import Session
from emulator.snowflake.account.time_travel import Moment

__all__ = [
    "Account",
    "Column",
    "Grant",
    "GrantTarget",
    "Grantee",
    "Mask",
    "Moment",
    "ObjectName",
    "ParameterValue",
    "PolicyReference",
    "Protection",
    "RoleGrant",
    "Session",
    "SnowflakeError",
    "SnowflakeObject",
    "TableChange",
    "TagReference",
]
