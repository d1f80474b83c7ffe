"""Who may log in, from where and how: network, authentication, session and password policies.

They lie in VIDEXA_SHARED.GOVERNANCE and hold for the account, so that a user whom nobody thought of is under them
too; each service user has narrower ones of its own (see `service_user`). The account's are attached last and taken off
first: the deploy principal, which attaches them, must not lock itself out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.base import Component
from components.snowflake.providers import AdministrativeProviders
from components.snowflake.sql import quoted

#: Who comes from a network of their own.
APPLICATIONS, PEOPLE, DEPLOYMENT, POWER_BI = "APPLICATIONS", "PEOPLE", "DEPLOYMENT", "POWER_BI"


@dataclass(frozen=True)
class PasswordRules:
    """`minimum_length` in characters; `maximum_age` in days; `lockout` in minutes; `history` in passwords."""

    minimum_length: int
    maximum_age: int
    maximum_retries: int
    lockout: int
    history: int


@dataclass(frozen=True)
class LogInPoliciesArgs:
    """What the policies say.

    `networks` has for each of APPLICATIONS, PEOPLE, DEPLOYMENT and POWER_BI its IPv4 ranges. `idle_minutes` is when an
    idle session ends; `person_methods` are the ways in which a person may log in, always with a second factor.
    `prefix` begins the names of what stands outside any schema.
    """

    database: pulumi.Input[str]
    schema: pulumi.Input[str]
    prefix: str
    networks: Mapping[str, Sequence[str]]
    idle_minutes: int
    person_methods: Sequence[str]
    password: PasswordRules
    deploy_user: str
    providers: AdministrativeProviders


class LogInPolicies(Component):
    """Who may log in from where and how: policies, attached to the account and to the deploy principal."""

    def __init__(self, name: str, args: LogInPoliciesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:snowflake:LogInPolicies", name, opts)
        self._args = args
        options = self.child_options(args.providers.system_administrator)
        rules = {
            group: quoted(
                args.database,
                args.schema,
                self.child(
                    snowflake.NetworkRule(
                        f"network-{group}",
                        database=args.database,
                        schema=args.schema,
                        name=f"NETWORK_{group}",
                        type="IPV4",
                        mode="INGRESS",
                        value_lists=list(ranges),
                        opts=options,
                    )
                ).name,
            )
            for group, ranges in args.networks.items()
        }
        everyone = self._network_policy("ACCOUNT", list(rules.values()), "Anybody, from a network that is named")
        self._network_policies: dict[str, pulumi.Output[str]] = {
            group: self._network_policy(group, [rule], f"{group} alone").name for group, rule in rules.items()
        }
        people = self.child(
            snowflake.AuthenticationPolicy(
                "authentication-people",
                database=args.database,
                schema=args.schema,
                name="AUTHENTICATION_PEOPLE",
                authentication_methods=list(args.person_methods),
                client_types=["SNOWFLAKE_UI", "DRIVERS", "SNOWFLAKE_CLI"],
                mfa_enrollment="REQUIRED",
                comment="People, with a second factor",
                opts=options,
            )
        )
        services = self.child(
            snowflake.AuthenticationPolicy(
                "authentication-services",
                database=args.database,
                schema=args.schema,
                name="AUTHENTICATION_SERVICES",
                authentication_methods=["KEYPAIR"],
                client_types=["DRIVERS"],
                comment="Programs, by a key pair alone",
                opts=options,
            )
        )
        session = self.child(
            snowflake.SessionPolicy(
                "session",
                database=args.database,
                schema=args.schema,
                name="SESSION",
                session_idle_timeout_mins=args.idle_minutes,
                session_ui_idle_timeout_mins=args.idle_minutes,
                # By USE SECONDARY ROLES ALL a session has all roles of its user, those of every tenant at once,
                # whatever the user's default is. This is no setting: with it, tenants are not apart.
                allowed_secondary_roles=snowflake.SessionPolicyAllowedSecondaryRolesArgs(none=True),
                comment="Automatic log-off; a session acts in one role",
                opts=options,
            )
        )
        password = self.child(
            snowflake.PasswordPolicy(
                "password",
                database=args.database,
                schema=args.schema,
                name="PASSWORD",
                min_length=args.password.minimum_length,
                min_upper_case_chars=1,
                min_lower_case_chars=1,
                min_numeric_chars=1,
                min_special_chars=1,
                max_age_days=args.password.maximum_age,
                max_retries=args.password.maximum_retries,
                lockout_time_mins=args.password.lockout,
                history=args.password.history,
                opts=options,
            )
        )
        self._services = quoted(args.database, args.schema, services.name)
        deploy = [
            self.hold_to_key_pair(self, args.deploy_user, args.deploy_user),
            self.hold_to_network(self, args.deploy_user, args.deploy_user, DEPLOYMENT),
        ]
        last = self.child_options(args.providers.account_administrator, delete_before_replace=True, depends_on=deploy)
        self.child(
            snowflake.AccountAuthenticationPolicyAttachment(
                "account-authentication",
                authentication_policy=quoted(args.database, args.schema, people.name),
                opts=last,
            )
        )
        self.child(
            snowflake.AccountSessionPolicyAttachment(
                "account-session", session_policy_name=quoted(args.database, args.schema, session.name), opts=last
            )
        )
        self.child(
            snowflake.AccountPasswordPolicyAttachment(
                "account-password", password_policy=quoted(args.database, args.schema, password.name), opts=last
            )
        )
        self.child(
            snowflake.NetworkPolicyAttachment(
                "account-network", network_policy_name=everyone.name, set_for_account=True, opts=last
            )
        )
        self.register_outputs({"network_policies": self._network_policies})

    def _network_policy(self, group: str, rules: Sequence[pulumi.Input[str]], comment: str) -> snowflake.NetworkPolicy:
        # Made by ACCOUNTADMIN: who makes a network policy must own or may use its rules, which are SYSADMIN's.
        return self.child(
            snowflake.NetworkPolicy(
                f"network-policy-{group}",
                name=f"{self._args.prefix}_{group}",
                allowed_network_rule_lists=list(rules),
                comment=comment,
                opts=self.child_options(self._args.providers.account_administrator),
            )
        )

    def hold_to_key_pair(
        self, component: Component, name: str, user: pulumi.Input[str]
    ) -> snowflake.UserAuthenticationPolicyAttachment:
        """Let a service user log in by its key pair alone, as a child of `component`."""
        return component.child(
            snowflake.UserAuthenticationPolicyAttachment(
                f"{name}-authentication",
                user_name=user,
                authentication_policy_name=self._services,
                opts=component.child_options(self._args.providers.account_administrator, delete_before_replace=True),
            )
        )

    def hold_to_network(
        self, component: Component, name: str, user: pulumi.Input[str], group: str
    ) -> snowflake.NetworkPolicyAttachment:
        """Let a user log in from its group's network alone, as a child of `component`.

        Not by the user's own property: whoever sets that must own the policy as well as the user.
        """
        return component.child(
            snowflake.NetworkPolicyAttachment(
                f"{name}-network",
                network_policy_name=self._network_policies[group],
                users=[user],
                opts=component.child_options(self._args.providers.account_administrator, delete_before_replace=True),
            )
        )
