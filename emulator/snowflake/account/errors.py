"""Refusals with Snowflake's own numbers, SQL states and words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.package import CloudError

if TYPE_CHECKING:
    from emulator.snowflake.account.names import ObjectName

# Kinds that Snowflake reports as a missing "Object" with the SQL state of a missing table.
_TABLE_LIKE = frozenset({"TABLE", "VIEW", "MATERIALIZED VIEW", "DYNAMIC TABLE", "EXTERNAL TABLE", "EVENT TABLE"})


def _title(kind: str) -> str:
    return kind.replace("_", " ").capitalize()


class SnowflakeError(CloudError):
    """What Snowflake answers when it refuses: `errno`, `sqlstate` and `message`.

    `str()` is the form that its clients print: `002003 (02000): SQL compilation error:\\n…`.
    """

    def __init__(self, errno: int, sqlstate: str, message: str) -> None:
        super().__init__(f"{errno:06d} ({sqlstate}): {message}")
        self.errno = errno
        self.sqlstate = sqlstate
        self.message = message

    @classmethod
    def compilation(cls, errno: int, sqlstate: str, text: str) -> SnowflakeError:
        """Any "SQL compilation error"."""
        return cls(errno, sqlstate, f"SQL compilation error:\n{text}")

    @classmethod
    def does_not_exist(cls, kind: str, name: ObjectName | str) -> SnowflakeError:
        """002003: it is not there, or the role may not know that it is."""
        sqlstate = "42S02" if kind in _TABLE_LIKE or kind == "OBJECT" else "02000"
        title = "Object" if kind in _TABLE_LIKE else _title(kind)
        return cls.compilation(2003, sqlstate, f"{title} '{name}' does not exist or not authorized.")

    @classmethod
    def already_exists(cls, kind: str, name: ObjectName | str) -> SnowflakeError:
        """002002: the name is taken."""
        title = {"ROLE": "Role", "USER": "User"}.get(kind, "Object")
        return cls.compilation(2002, "42710", f"{title} '{name}' already exists.")

    @classmethod
    def insufficient_privileges(
        cls, kind: str, name: ObjectName | str | None = None, *, role: str | None = None, privilege: str | None = None
    ) -> SnowflakeError:
        """003001: the role sees the object but may not do this to it. On the account `name` is its name.

        With `role` and `privilege` the message also says what the primary role would need.
        """
        word = kind.lower()
        target = "" if name is None else f" '{name}'"
        need = ""
        if role and privilege:
            what = kind if kind == "ACCOUNT" else f"{kind} {name}"
            need = f" Your primary role {role} must have {privilege} granted on {what}."
        return cls(
            3001, "42501", f"SQL access control error:\nInsufficient privileges to operate on {word}{target}.{need}"
        )

    @classmethod
    def policy_attached(cls, policy: str) -> SnowflakeError:
        """003531: a policy that protects something cannot be dropped or replaced."""
        return cls(
            3531, "23001", f"Policy {policy} cannot be dropped/replaced as it is associated with one or more entities."
        )

    @classmethod
    def dependent_grant(cls, privilege: str, target: ObjectName, grantee: ObjectName) -> SnowflakeError:
        """003036: other grants on the object stand in the way of a transfer of ownership or a revocation."""
        return cls(
            3036,
            "23001",
            f"SQL execution error: Dependent grant of privilege '{privilege}' on securable '{target}' to role "
            f"'{grantee}' exists. It must be revoked first. More than one dependent grant may exist: use 'SHOW GRANTS' "
            "command to view them. To revoke all dependent grants while transferring object ownership, use convenience "
            "command 'GRANT OWNERSHIP ON <target_objects> TO <target_role> REVOKE CURRENT GRANTS'.",
        )

    @classmethod
    def grant_not_executed(cls, reason: str = "Insufficient privileges.") -> SnowflakeError:
        """003102: a grant or revocation that the role may not make."""
        return cls(3102, "42501", f"Grant not executed: {reason}")

    @classmethod
    def role_not_granted(cls, role: str) -> SnowflakeError:
        """003013: USE ROLE of a role that the user does not hold."""
        return cls(
            3013,
            "42501",
            f"SQL access control error:\nRequested role '{role}' is not assigned to the executing user.  "
            "Specify another role to activate.",
        )

    @classmethod
    def invalid_property(cls, property_: str, kind: str) -> SnowflakeError:
        """001420: the kind of object has no such property."""
        return cls.compilation(1420, "22023", f"invalid property '{property_}' for '{kind}'")

    @classmethod
    def invalid_property_value(cls, value: object, property_: str, rule: str = "") -> SnowflakeError:
        """001422: the property cannot have this value. `rule` says what it may be."""
        return cls.compilation(1422, "22023", f"invalid value '{value}' for property '{property_}'{_because(rule)}")

    @classmethod
    def invalid_value(cls, value: object, parameter: str, rule: str = "") -> SnowflakeError:
        """001008: the parameter cannot have this value. `rule` says what it may be."""
        return cls.compilation(1008, "22023", f"invalid value [{value}] for parameter '{parameter}'{_because(rule)}")

    @classmethod
    def missing_property(cls, property_: str, kind: str) -> SnowflakeError:
        """002029: the kind of object cannot be made without this property."""
        return cls.compilation(2029, "42601", f"Missing option(s): [{property_}] for {kind.lower()}")

    @classmethod
    def syntax(cls, text: str) -> SnowflakeError:
        """001003: it cannot be read."""
        return cls.compilation(1003, "42000", f"syntax error: {text}")

    @classmethod
    def identifier_too_long(cls, identifier: str, maximum: int) -> SnowflakeError:
        """000900-ish limits are reported by Snowflake as an invalid identifier."""
        return cls.compilation(904, "42000", f"invalid identifier '{identifier}': longer than {maximum} characters")

    @classmethod
    def unsupported(cls, what: str) -> SnowflakeError:
        """000002: what this account cannot do is refused by name, never passed over."""
        return cls(2, "0A000", f"Unsupported feature '{what}'.")


def _because(rule: str) -> str:
    return f" ({rule})" if rule else ""
