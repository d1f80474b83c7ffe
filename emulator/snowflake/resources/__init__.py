"""Creating, reading, changing and deleting each resource type of pulumi_snowflake on the embedded account.

Most types are one Snowflake object with properties and stand in a table (`types`, `policies`,
`schema_objects`); the others have handlers of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from emulator.introspection import resource_types
from emulator.package import CloudError
from emulator.snowflake.resources import policies, schema_objects, types
from emulator.snowflake.resources.attachments import (
    AccountParameterHandler,
    NetworkPolicyAttachmentHandler,
    PolicyAttachmentHandler,
)
from emulator.snowflake.resources.execute import ExecuteHandler
from emulator.snowflake.resources.grants import GrantOwnershipHandler, GrantPrivilegesHandler, GrantRoleHandler
from emulator.snowflake.resources.handler import Handler
from emulator.snowflake.resources.objects import ObjectHandler
from emulator.snowflake.resources.routines import RoutineHandler
from emulator.snowflake.resources.tables import TableConstraintHandler, TableHandler
from emulator.snowflake.resources.users import UserHandler, UserPublicKeysHandler
from emulator.snowflake.resources.views import ViewHandler

_HANDLERS: dict[str, Callable[[], Handler]] = {
    "Database": types.DatabaseHandler,
    "Schema": types.SchemaHandler,
    "Table": TableHandler,
    "TableConstraint": TableConstraintHandler,
    "View": ViewHandler,
    "Warehouse": partial(ObjectHandler, types.WAREHOUSE),
    "ResourceMonitor": partial(ObjectHandler, types.RESOURCE_MONITOR),
    "AccountRole": partial(ObjectHandler, types.ACCOUNT_ROLE),
    "DatabaseRole": partial(ObjectHandler, types.DATABASE_ROLE),
    "GrantAccountRole": partial(GrantRoleHandler, "ROLE"),
    "GrantDatabaseRole": partial(GrantRoleHandler, "DATABASE_ROLE"),
    "GrantApplicationRole": partial(GrantRoleHandler, "APPLICATION_ROLE"),
    "GrantPrivilegesToAccountRole": partial(GrantPrivilegesHandler, "ROLE"),
    "GrantPrivilegesToDatabaseRole": partial(GrantPrivilegesHandler, "DATABASE_ROLE"),
    "GrantOwnership": GrantOwnershipHandler,
    "User": partial(UserHandler, "User", "PERSON"),
    "ServiceUser": partial(UserHandler, "ServiceUser", "SERVICE"),
    "LegacyServiceUser": partial(UserHandler, "LegacyServiceUser", "LEGACY_SERVICE"),
    "UserPublicKeys": UserPublicKeysHandler,
    "NetworkPolicy": partial(ObjectHandler, types.NETWORK_POLICY),
    "NetworkRule": partial(ObjectHandler, types.NETWORK_RULE),
    "NetworkPolicyAttachment": NetworkPolicyAttachmentHandler,
    "AuthenticationPolicy": partial(ObjectHandler, policies.AUTHENTICATION_POLICY),
    "PasswordPolicy": partial(ObjectHandler, policies.PASSWORD_POLICY),
    "SessionPolicy": partial(ObjectHandler, policies.SESSION_POLICY),
    "RowAccessPolicy": partial(ObjectHandler, policies.ROW_ACCESS_POLICY),
    "MaskingPolicy": partial(ObjectHandler, policies.MASKING_POLICY),
    "Tag": policies.TagHandler,
    "TagAssociation": policies.TagAssociationHandler,
    "AccountAuthenticationPolicyAttachment": partial(
        PolicyAttachmentHandler, "AUTHENTICATION POLICY", "authenticationPolicy"
    ),
    "UserAuthenticationPolicyAttachment": partial(
        PolicyAttachmentHandler, "AUTHENTICATION POLICY", "authenticationPolicyName", "userName"
    ),
    "AccountPasswordPolicyAttachment": partial(
        PolicyAttachmentHandler, "PASSWORD POLICY", "passwordPolicy", joined=True
    ),
    "UserPasswordPolicyAttachment": partial(
        PolicyAttachmentHandler, "PASSWORD POLICY", "passwordPolicyName", "userName", joined=True
    ),
    "AccountSessionPolicyAttachment": partial(PolicyAttachmentHandler, "SESSION POLICY", "sessionPolicyName"),
    "UserSessionPolicyAttachment": partial(PolicyAttachmentHandler, "SESSION POLICY", "sessionPolicyName", "userName"),
    "AccountParameter": AccountParameterHandler,
    "Execute": ExecuteHandler,
    "FunctionSql": partial(RoutineHandler, "FunctionSql"),
    "FunctionPython": partial(RoutineHandler, "FunctionPython"),
    "ProcedureSql": partial(RoutineHandler, "ProcedureSql"),
    "ProcedurePython": partial(RoutineHandler, "ProcedurePython"),
    "Task": schema_objects.TaskHandler,
    "Alert": schema_objects.AlertHandler,
    "StreamOnTable": partial(ObjectHandler, schema_objects.STREAM_ON_TABLE),
    "StageInternal": schema_objects.StageInternalHandler,
    "Sequence": partial(ObjectHandler, schema_objects.SEQUENCE),
    "FileFormat": schema_objects.FileFormatHandler,
    "EmailNotificationIntegration": schema_objects.EmailNotificationIntegrationHandler,
}


BUILT_TYPES = frozenset(f"snowflake:index/{name[0].lower()}{name[1:]}:{name}" for name in _HANDLERS)
"""The types that are built."""


@cache
def handler_for(type_: str) -> Handler:
    """The handler of a type (`snowflake:index/table:Table`); a type that is not built is refused by name."""
    class_name = type_.rsplit(":", 1)[-1]
    make = _HANDLERS.get(class_name)
    if type_ not in resource_types("snowflake"):
        raise CloudError(f"pulumi_snowflake has no resource type {type_}")
    if make is None:
        raise CloudError(f"the embedded Snowflake does not build {class_name} yet ({type_})")
    return make()
