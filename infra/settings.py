"""What may be configured, and everything that is wrong with a configuration, at once.

`load_settings` needs no engine: it takes the stack's configuration as a mapping and reads the organisations' file. It
returns typed settings, or raises one `SettingsError` with every problem, each by its key, with the rule and the mend.
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import AfterValidator, BaseModel, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from infra.adoption_settings import Imports, ImportSettings
from infra.application_settings import ZONES, AppsSettings
from infra.azure_settings import AzureSettings
from infra.data_loss_settings import DataLossAllowances, DataLossAllowanceSettings
from infra.policy_settings import PolicyExceptions, PolicyExceptionSettings
from infra.rules import (
    CROSS_REGIONS,
    IDLE_MINUTES,
    PASSWORD_LENGTH,
    PERSON_METHODS,
    PHI_EDITIONS,
    REAL_ENVIRONMENTS,
    UNKNOWN_MODEL_HINT,
    AccountName,
    AutoSuspendSeconds,
    CronSchedule,
    Day,
    Edition,
    EmailAddress,
    Environment,
    MonthlyCortexTokens,
    MonthlyCredits,
    Network,
    OrganizationId,
    OrganizationName,
    Price,
    RetentionDays,
    Rule,
    SnowflakeIdentifier,
    WarehouseSize,
    between,
    matches,
    one_of,
    refusal,
    shown,
    suggest,
)
from infra.section import Section
from infra.tenants_file import Place, TenantsFile, TenantsFileError, read_tenants_file

NAMESPACE = "nexuschat"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, which rule it breaks, and what mends it."""

    where: str
    rule: str
    mend: str

    def __str__(self) -> str:
        return f"{self.where}: {self.rule} {self.mend}".rstrip()


class SettingsError(Exception):
    """Everything that is wrong with a configuration."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        lines = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"The configuration has {count}; nothing was changed.\n{lines}")


class ServiceUserSettings(Section):
    """The applications' user. With `adopt` it is one that exists: imported and protected, never made anew."""

    #: The user that the applications log in as.
    name: SnowflakeIdentifier = "AGENTNEXUS_SVC"
    #: It exists already: take it over.
    adopt: bool = False


class PowerBiUserSettings(Section):
    """The user as which Power BI reads the monitoring views."""

    #: Its name in the account.
    name: SnowflakeIdentifier = "POWERBI_SVC"


class BreakGlassSettings(Section):
    """The person's user for emergencies: ACCOUNTADMIN, disabled until it is needed."""

    #: Its name in the account.
    name: SnowflakeIdentifier = "VIDEXA_BREAK_GLASS"
    #: Whether it can log in; `up` disables it again where this says false.
    enabled: bool = False
    #: Who hears of it. Snowflake writes to the address; CIS 1.11 asks for one on every ACCOUNTADMIN.
    email: EmailAddress


class ExistingObjectsSettings(Section):
    """What was in the account before the stack: imported and protected, never made, changed or removed here."""

    #: The database that was there.
    database: SnowflakeIdentifier = "AGENTNEXUS_DB"
    #: The warehouse that was there.
    warehouse: SnowflakeIdentifier = "COMPUTE_WH"
    #: The role that was there.
    role: SnowflakeIdentifier = "AGENTNEXUS_AUTH_WRITER"


def _loopback() -> list[str]:
    # Refused by the rule of Network wherever the cloud is a real one.
    return ["127.0.0.0/8"]


class NetworksSettings(Section):
    """IPv4 ranges from which each group of users may log in to Snowflake; on the embedded cloud the loopback's."""

    #: From where the apps call: the platform's one egress address.
    applications: Annotated[list[Network], Field(min_length=1, default_factory=_loopback, validate_default=True)]
    #: From where people log in: offices and VPN.
    people: Annotated[list[Network], Field(min_length=1, default_factory=_loopback, validate_default=True)]
    #: From where deployments run.
    deployment: Annotated[list[Network], Field(min_length=1, default_factory=_loopback, validate_default=True)]
    #: From where Power BI or its gateway calls.
    power_bi: Annotated[list[Network], Field(min_length=1, default_factory=_loopback, validate_default=True)]


class PasswordSettings(Section):
    """Passwords of people; no program has one."""

    #: How long a password is at least.
    minimum_length: Annotated[int, between(*PASSWORD_LENGTH, "characters")] = 14
    #: After how long it must be changed.
    maximum_age_days: Annotated[int, between(1, 365, "days")] = 90
    #: Wrong tries before the user is locked.
    maximum_retries: Annotated[int, between(1, 10, "retries")] = 5
    #: How long a locked user stays so.
    lockout_minutes: Annotated[int, between(15, 999, "minutes")] = 30
    #: How many earlier passwords may not come again.
    history: Annotated[int, between(5, 24, "passwords")] = 24


class LogInSettings(Section):
    """How people and programs log in to Snowflake."""

    networks: NetworksSettings = Field(default_factory=dict, validate_default=True)
    #: After how long without a statement a session ends.
    idle_minutes: Annotated[int, between(*IDLE_MINUTES, "minutes")] = 15
    #: Ways in which a person may log in.
    person_methods: Annotated[
        list[Annotated[str, one_of("a way in which a person may log in", PERSON_METHODS)]], Field(min_length=1)
    ] = Field(default_factory=lambda: ["SAML", "PASSWORD"])
    password: PasswordSettings = Field(default_factory=PasswordSettings)


class AccountParametersSettings(Section):
    """Snowflake's account parameters, in their own names; each default is the safe choice."""

    #: Whether a client may keep a second factor's token.
    allow_client_mfa_caching: bool = False
    #: Whether a client may keep a token of single sign-on.
    allow_id_token: bool = False
    #: Bits of the key that a client encrypts staged files with.
    client_encryption_key_size: Annotated[int, between(128, 256, "bits")] = 256
    #: Whether external OAuth never logs in as an administrative role.
    external_oauth_add_privileged_roles_to_blocked_list: bool = True
    #: Days of Time Travel that no object can go under.
    min_data_retention_time_in_days: RetentionDays = 1
    #: Whether Snowflake's own OAuth never logs in as an administrative role.
    oauth_add_privileged_roles_to_blocked_list: bool = True
    #: Whether data is encrypted anew with a new key each year.
    periodic_data_rekeying: bool = True
    #: Whether COPY may not read from a URL that a statement names.
    prevent_load_from_inline_url: bool = True
    #: Whether COPY may not write to a URL that a statement names.
    prevent_unload_to_inline_url: bool = True
    #: Whether COPY may not write to the account's own stages.
    prevent_unload_to_internal_stages: bool = True
    #: Whether an external stage needs a storage integration.
    require_storage_integration_for_stage_creation: bool = True
    #: Whether use of an external stage needs a storage integration.
    require_storage_integration_for_stage_operation: bool = True

    @property
    def values(self) -> dict[str, str]:
        """By Snowflake's names, as its SHOW PARAMETERS writes them."""
        return {
            name.upper(): str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in self.model_dump().items()
        }


class SharedWarehouseSettings(Section):
    """The warehouse of the platform's own statements."""

    #: Its size.
    size: WarehouseSize = "XSMALL"
    #: What its resource monitor lets it use in a month.
    monthly_credits: MonthlyCredits = 50
    #: Idle time after which it stops.
    auto_suspend_seconds: AutoSuspendSeconds = 60


class MonitoringSettings(Section):
    """What use costs, what draws attention, and when it is counted and looked at.

    Snowflake states prices by contract, region and edition: none is assumed, and a cost without its price stays empty.
    """

    #: Of one credit, in `currency`.
    credit_price: Price | None = None
    #: Of a terabyte (1024⁴ bytes) for a month, Time Travel and Fail-safe included, in `currency`.
    storage_price: Price | None = None
    #: That of the prices.
    currency: Annotated[str, AfterValidator(Rule(matches(r"[A-Z]{3}"), "is no currency.", "For example USD."))] = "USD"
    #: Credits of an organisation's day, warehouse and models together.
    credits_a_day_attention: Annotated[float, between(0.01, None, "credits")] = 10.0
    #: Share of a resource monitor's quota.
    monitor_attention: Annotated[float, between(0.01, 1, "of the quota")] = 0.8
    #: When each organisation is counted.
    counting_schedule: CronSchedule = "37 1 * * * UTC"
    #: When alerts look for a reason.
    alert_schedule: CronSchedule = "7 * * * * UTC"
    #: Whom alerts are mailed to; to be verified by their users in Snowflake first. Nobody: they are written down alone.
    alert_recipients: list[EmailAddress] = Field(default_factory=list)


class SnowflakeSettings(Section):
    #: The organisation that the account belongs to.
    organization: OrganizationName
    #: The account's name.
    account: AccountName
    #: The account's edition; a real environment needs one that patients' data may lie in.
    edition: Edition
    #: The deploy principal: it holds the administrative roles, and is nobody that runs anything.
    user: SnowflakeIdentifier = "NEXUS_DEPLOY"
    service_user: ServiceUserSettings = Field(default_factory=ServiceUserSettings)
    power_bi_user: PowerBiUserSettings = Field(default_factory=PowerBiUserSettings, validate_default=True)
    break_glass: BreakGlassSettings
    existing: ExistingObjectsSettings | None = None
    log_in: LogInSettings = Field(default_factory=dict, validate_default=True)
    account_parameters: AccountParametersSettings = Field(default_factory=AccountParametersSettings)
    #: When what has expired is deleted, in every tenant.
    retention_schedule: CronSchedule = "17 3 * * * UTC"
    monitoring: MonitoringSettings = Field(default_factory=MonitoringSettings)
    shared_warehouse: SharedWarehouseSettings = Field(default_factory=SharedWarehouseSettings)
    #: Days of Time Travel of the shared database.
    shared_retention_days: RetentionDays = 1
    #: Where Cortex may process a prompt besides the account's own region.
    cortex_cross_region: Annotated[str, one_of("a choice for Cortex's cross-region inference", CROSS_REGIONS)] = (
        "DISABLED"
    )
    #: Who accepted that prompts leave the account's region, and why.
    cortex_cross_region_exception: str | None = Field(default=None, validate_default=True)

    @field_validator("edition")
    @classmethod
    def _edition_for_patients_data(cls, value: str, info: ValidationInfo) -> str:
        if (info.context or {}).get("environment") in REAL_ENVIRONMENTS and value not in PHI_EDITIONS:
            raise refusal(
                f"{value!r} may hold no patients' data: Snowflake signs no business associate agreement for it.",
                f"Use {' or '.join(PHI_EDITIONS)}.",
            )
        return value

    @field_validator("service_user")
    @classmethod
    def _two_users(cls, value: ServiceUserSettings, info: ValidationInfo) -> ServiceUserSettings:
        if value.name == info.data.get("user"):
            raise refusal(
                f"{value.name!r} is the deploy principal too: who runs the applications may administer nothing.",
                "Name two different users in service_user.name and user.",
            )
        return value

    @field_validator("existing")
    @classmethod
    def _of_the_user_who_holds_the_role(
        cls, value: ExistingObjectsSettings | None, info: ValidationInfo
    ) -> ExistingObjectsSettings | None:
        user = info.data.get("service_user")
        if value is not None and user is not None and not user.adopt:
            raise refusal(
                f"{value.role} is taken over as {user.name} holds it: a user that is made anew holds nothing yet.",
                "Set service_user.adopt to true, or leave existing out.",
            )
        return value

    @field_validator("power_bi_user", "break_glass")
    @classmethod
    def _a_user_of_its_own(cls, value: Any, info: ValidationInfo) -> Any:
        others = {"user": info.data.get("user")}
        for key in ("service_user", "power_bi_user"):
            if key != info.field_name and key in info.data:
                others[f"{key}.name"] = info.data[key].name
        for key, other in others.items():
            if value.name == other:
                raise refusal(f"{value.name!r} is {key} too: each has its own rights.", "Name different users.")
        return value

    @field_validator("cortex_cross_region_exception")
    @classmethod
    def _exception_is_reasoned(cls, value: str | None, info: ValidationInfo) -> str | None:
        crosses = info.data.get("cortex_cross_region", "DISABLED") != "DISABLED"
        if crosses and not (value or "").strip():
            raise refusal(
                "prompts may leave the account's region only by a named exception.",
                "Say who accepted it and why, or set cortex_cross_region to DISABLED.",
            )
        if not crosses and value is not None and "cortex_cross_region" in info.data:
            raise refusal("there is nothing to except: cortex_cross_region is DISABLED.", "Leave it out.")
        return value


class ModelPriceSettings(Section):
    """Credits for a million tokens: of prompts, and of completions."""

    #: Credits for a million tokens of prompts.
    prompt: Price
    #: Credits for a million tokens of completions.
    completion: Price


class PromptCacheSettings(Section):
    """How long an answer is kept, and how many characters of answers each organisation's cache may hold."""

    #: How long an answer is kept.
    lifetime_seconds: Annotated[int, between(60, 30 * 86_400, "seconds")] = 86_400
    #: How much of answers one organisation's cache holds; the oldest go first.
    characters: Annotated[int, between(100_000, 10_000_000_000, "characters")] = 20_000_000


class ModelSettings(Section):
    """The Cortex model of the chat, which must stand on the list of allowed ones."""

    #: Every Cortex model that an organisation may be granted.
    allowed: Annotated[list[str], Field(min_length=1)]
    #: The chat's own model.
    name: str
    #: By model. Snowflake's Service Consumption Table has them; none is assumed.
    prices: dict[str, ModelPriceSettings] = Field(default_factory=dict)
    cache: PromptCacheSettings = Field(default_factory=PromptCacheSettings)

    @field_validator("allowed")
    @classmethod
    def _known_ids(cls, value: list[str]) -> list[str]:
        for model in value:
            if re.fullmatch(r"[a-z0-9][a-z0-9.-]*", model) is None:
                raise refusal(
                    f"{shown(model)} is no model's id: lower-case letters, digits, - and full stops.", "Mend it."
                )
            if model == "claude-sonnet-4":
                raise refusal(f"{model!r} does not exist.", UNKNOWN_MODEL_HINT)
        return value

    @field_validator("prices")
    @classmethod
    def _of_allowed_models(
        cls, value: dict[str, ModelPriceSettings], info: ValidationInfo
    ) -> dict[str, ModelPriceSettings]:
        allowed = info.data.get("allowed", list(value))
        for model in value:
            if model not in allowed:
                raise refusal(
                    f"{shown(model)} has a price and is not on the list of allowed models (nexuschat:model.allowed).",
                    suggest(model, allowed).replace("Known", "Allowed"),
                )
        return value

    @field_validator("name")
    @classmethod
    def _on_the_list(cls, value: str, info: ValidationInfo) -> str:
        allowed = info.data.get("allowed")
        if allowed is not None and value not in allowed:
            mend = suggest(value, allowed).replace("Known", "Allowed")
            raise refusal(
                f"{shown(value)} is not on the list of allowed models (nexuschat:model.allowed).",
                f"{mend} {UNKNOWN_MODEL_HINT}" if value == "claude-sonnet-4" else mend,
            )
        return value


class KeySettings(Section):
    """A service user's key pair as `nexus rotate-key` writes it down.

    `generation` counts key pairs; `since` is the day of the last rotation; `rotating` marks one that is not finished.
    """

    #: How many key pairs the user has had, this one included.
    generation: Annotated[int, between(1, None, "as the first generation")]
    #: The day of the last rotation.
    since: date | None = None
    #: Whether a rotation is not finished.
    rotating: bool = False


class _Keys(Section):
    users: dict[SnowflakeIdentifier, KeySettings]


class StackSettings(Section):
    """The stack's configuration: one field for each key of the namespace."""

    #: Which environment the stack is. It is in every name on Azure, and a real one has stricter rules.
    environment: Environment
    #: The organisations' file, relative to Pulumi.yaml.
    tenants_file: str = "tenants.yaml"
    #: Which key pair of each service user is current; `nexus rotate-key` writes it. keys.<environment>.yaml by default.
    keys_file: str | None = None
    #: Whether what holds data is protected from deletion; on unless the environment is local.
    deletion_protection: bool | None = None
    #: The Azure side: where it lies, and everything below.
    azure: AzureSettings
    #: The Snowflake side.
    snowflake: SnowflakeSettings
    model: ModelSettings
    #: The applications.
    apps: AppsSettings
    #: Losses of data that somebody accepted; each passes one change of one object, once.
    dataLossAllowances: DataLossAllowances  # noqa: N815 - the key's own word
    #: Violations of policies that somebody accepted; the policy pack reads them here too.
    policyExceptions: PolicyExceptions  # noqa: N815 - the key's own word
    #: What exists already and is taken over, by resource; `nexus adopt` writes it.
    imports: Imports

    @field_validator("apps")
    @classmethod
    def _a_replica_in_each_zone(cls, value: AppsSettings, info: ValidationInfo) -> AppsSettings:
        azure = info.data.get("azure")
        few = value.too_few_for_zones() if azure is not None and azure.network.zone_redundant else []
        if few:
            raise refusal(
                f"azure.network.zone_redundant needs {ZONES} replicas; fewer are the floor of {', '.join(few)}.",
                f"Set their min_replicas to {ZONES} at least, or zone_redundant to false.",
            )
        return value


class _TenantValues(Section):
    #: Size of an organisation's warehouse.
    warehouse_size: WarehouseSize
    #: What its resource monitor lets the warehouse use in a month.
    monthly_credits: MonthlyCredits
    #: Days of Time Travel of its database.
    retention_days: RetentionDays
    #: Idle time after which its warehouse stops.
    auto_suspend_seconds: AutoSuspendSeconds
    #: What an organisation's calls of models may use in a calendar month (UTC).
    monthly_cortex_tokens: MonthlyCortexTokens = 20_000_000
    #: The Cortex models that an organisation's application may use; all of nexuschat:model.allowed if left out.
    models: Annotated[list[str], Field(min_length=1)] | None = None


class RetirementSettings(Section):
    """An organisation that leaves: since when, from which day on it may be deleted, and who accepted either."""

    #: The day on which it left.
    since: Day
    #: The first day on which its data may be deleted.
    delete_from: Day
    #: Who accepted that it leaves.
    accepted_by: EmailAddress
    #: With it nothing of the organisation is protected from deletion any more.
    deletion_accepted_by: EmailAddress | None = None

    @field_validator("delete_from")
    @classmethod
    def _after_it_left(cls, value: date, info: ValidationInfo) -> date:
        left = info.data.get("since")
        if left is not None and value <= left:
            raise refusal(f"must be later than {left}, the day on which it left.", "Name a later day.")
        return value


class _TenantOverrides(Section):
    #: As in `defaults`, for this organisation.
    warehouse_size: WarehouseSize | None = None
    #: As in `defaults`, for this organisation.
    monthly_credits: MonthlyCredits | None = None
    #: As in `defaults`, for this organisation.
    retention_days: RetentionDays | None = None
    #: As in `defaults`, for this organisation.
    auto_suspend_seconds: AutoSuspendSeconds | None = None
    #: As in `defaults`, for this organisation.
    monthly_cortex_tokens: MonthlyCortexTokens | None = None
    #: As in `defaults`, for this organisation.
    models: Annotated[list[str], Field(min_length=1)] | None = None
    #: Its roles reach nothing and its application is not served; its data stays.
    suspended: bool | None = None
    #: It leaves: `nexus tenants remove` writes this.
    retired: RetirementSettings | None = None

    @field_validator("retired")
    @classmethod
    def _suspended_too(cls, value: RetirementSettings | None, info: ValidationInfo) -> RetirementSettings | None:
        if value is not None and not info.data.get("suspended"):
            raise refusal("is for a suspended organisation only.", "Set suspended to true beside it.")
        return value


class TenantsSettings(Section):
    #: What an organisation has that says nothing else.
    defaults: _TenantValues
    #: An organisation, by its id; it may be empty.
    organizations: Annotated[dict[OrganizationId, _TenantOverrides | None], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class OrganizationSettings:
    """One organisation: the file's defaults with its own overrides."""

    organization_id: str
    warehouse_size: str
    monthly_credits: int
    retention_days: int
    auto_suspend_seconds: int
    monthly_cortex_tokens: int
    models: tuple[str, ...]
    suspended: bool = False
    retired: RetirementSettings | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is configured, checked."""

    environment: str
    deletion_protection: bool
    azure: AzureSettings
    snowflake: SnowflakeSettings
    model: ModelSettings
    apps: AppsSettings
    organizations: tuple[OrganizationSettings, ...]
    #: Key pairs of service users that were ever rotated, by user.
    keys: Mapping[str, KeySettings]
    data_loss_allowances: tuple[DataLossAllowanceSettings, ...] = ()
    policy_exceptions: tuple[PolicyExceptionSettings, ...] = ()
    #: What exists already, by the resource that takes it over as a plan names it.
    imports: Mapping[str, ImportSettings] = field(default_factory=dict)

    @property
    def service_users(self) -> tuple[str, ...]:
        """The users that log in by key pairs of this stack."""
        return (self.snowflake.service_user.name, self.snowflake.power_bi_user.name)

    def first_generation(self, user: str) -> int:
        """An adopted user has a key of before in its first slot: the first one made here goes into the second."""
        adopted = self.snowflake.service_user
        return 2 if user == adopted.name and adopted.adopt else 1

    def key_generation(self, user: str) -> int:
        """The generation of a user's current key pair."""
        known = self.keys.get(user)
        return max(self.first_generation(user), known.generation if known else 1)


def load_settings(config: Mapping[str, Any], directory: Path | str) -> Settings:
    """Check a stack's configuration and its organisations' file.

    `config` maps keys, with the namespace or without, to values: plain ones, or their JSON text as the engine hands
    it to a program. Keys of other namespaces are not looked at. `directory` is where a relative `tenants_file` begins.

    Raises SettingsError with every problem there is.
    """
    problems: list[Problem] = []
    values = {
        key.removeprefix(f"{NAMESPACE}:"): _decoded(value)
        for key, value in config.items()
        if ":" not in key or key.startswith(f"{NAMESPACE}:")
    }
    snowflake = values.get("snowflake")
    context = {
        "environment": values.get("environment"),
        "edition": snowflake.get("edition") if isinstance(snowflake, dict) else None,
    }
    stack: StackSettings | None = None
    try:
        stack = StackSettings.model_validate(values, context=context)
    except ValidationError as error:
        problems += [_stack_problem(detail) for detail in error.errors(include_url=False)]

    organizations: tuple[OrganizationSettings, ...] = ()
    places: Mapping[tuple[str, ...], Place] = {}
    file_name = values.get("tenants_file", "tenants.yaml")
    if isinstance(file_name, str):
        path = Path(directory) / file_name
        try:
            file = read_tenants_file(path)
        except TenantsFileError as error:
            problems.append(Problem(error.place.where, error.rule, error.mend))
        else:
            problems += [
                Problem(f"{place.where} {key}", f"is written twice, first on line {line}.", "Remove one of the two.")
                for place, key, line in file.repeated
            ]
            places = file.places
            organizations = _organizations(file, context, problems)
    keys = _keys(directory, stack, problems) if stack else {}
    if stack is not None:
        organizations = _with_models(organizations, stack.model, places, problems)
    if problems or stack is None:
        raise SettingsError(problems)
    return Settings(
        environment=stack.environment,
        deletion_protection=stack.environment != "local"
        if stack.deletion_protection is None
        else stack.deletion_protection,
        azure=stack.azure,
        snowflake=stack.snowflake,
        model=stack.model,
        apps=stack.apps,
        organizations=organizations,
        keys=keys,
        data_loss_allowances=tuple(stack.dataLossAllowances),
        policy_exceptions=tuple(stack.policyExceptions),
        imports=stack.imports,
    )


def keys_file(environment: str) -> str:
    """Where the generations of an environment's key pairs are written down, beside Pulumi.yaml."""
    return f"keys.{environment}.yaml"


def _keys(directory: Path | str, stack: StackSettings, problems: list[Problem]) -> dict[str, KeySettings]:
    """The key pairs that were rotated; without a file, none was."""
    path = Path(directory) / (stack.keys_file or keys_file(stack.environment))
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if stack.keys_file is not None:
            problems.append(
                Problem(f"{NAMESPACE}:keys_file", f"{path.name!r} does not exist.", "Name an existing file.")
            )
        return {}
    except (OSError, UnicodeDecodeError):
        problems.append(Problem(path.name, "cannot be read.", "Save it as UTF-8 text that you may read."))
        return {}
    try:
        users = yaml.safe_load(text) or {}
        known = _Keys.model_validate({"users": users}).users
    except yaml.YAMLError:
        problems.append(Problem(path.name, "is not YAML.", "Mend it, or take it from the last commit."))
        return {}
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            where = " ".join(part for part in (path.name, ".".join(_path(detail)[1:])) if part)
            problems.append(Problem(where, *_rule_and_mend(detail, _path(detail), _Keys, None)))
        return {}
    users_here = [stack.snowflake.service_user.name, stack.snowflake.power_bi_user.name]
    problems += [
        Problem(f"{path.name} {user}", "is no service user here.", suggest(user, users_here))
        for user in known
        if user not in users_here
    ]
    return known


def _decoded(value: Any) -> Any:
    """A value as the engine sends it, text all of it, back in its own type."""
    if not isinstance(value, str):
        return value
    if value in ("true", "false"):
        return value == "true"
    if value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _organizations(
    file: TenantsFile, context: Mapping[str, Any], problems: list[Problem]
) -> tuple[OrganizationSettings, ...]:
    try:
        tenants = TenantsSettings.model_validate(file.content, context=dict(context))
    except ValidationError as error:
        problems += [_tenants_problem(detail, file.places) for detail in error.errors(include_url=False)]
        return ()
    defaults = tenants.defaults.model_dump()
    organizations = []
    for organization_id, overrides in sorted(tenants.organizations.items()):
        values = defaults | (overrides.model_dump(exclude_none=True) if overrides else {})
        values |= {"models": tuple(values["models"] or ()), "retired": overrides.retired if overrides else None}
        organizations.append(OrganizationSettings(organization_id=organization_id, **values))
    return tuple(organizations)


def _with_models(
    organizations: tuple[OrganizationSettings, ...],
    model: ModelSettings,
    places: Mapping[tuple[str, ...], Place],
    problems: list[Problem],
) -> tuple[OrganizationSettings, ...]:
    """Each organisation with its models, in the order of those allowed; the chat's must be among them."""
    found = []
    wrong: dict[tuple[str, str], Problem] = {}
    for organization in organizations:
        own = organization.models or tuple(model.allowed)
        path: tuple[str, ...] = ("organizations", organization.organization_id, "models")
        path = path if path in places else ("defaults", "models")
        where = f"{places[path].where} {'.'.join(path)}" if path in places else "models"
        for name in own:
            if name not in model.allowed:
                wrong[where, name] = Problem(
                    where,
                    f"{shown(name)} is not on the list of allowed models (nexuschat:model.allowed).",
                    suggest(name, model.allowed).replace("Known", "Allowed"),
                )
        if model.name not in own:
            wrong[where, ""] = Problem(
                where, f"lacks {model.name}, the chat's model (nexuschat:model.name).", "Add it to the list."
            )
        found.append(replace(organization, models=tuple(name for name in model.allowed if name in own)))
    problems += wrong.values()
    return tuple(found)


def _stack_problem(detail: ErrorDetails) -> Problem:
    path = _path(detail)
    where = f"{NAMESPACE}:" + ".".join(path) if path else NAMESPACE
    rule, mend = _rule_and_mend(detail, path, StackSettings, f"pulumi config set --path '{where}' <value>")
    return Problem(where, rule, mend)


def _tenants_problem(detail: ErrorDetails, places: Mapping[tuple[str, ...], Place]) -> Problem:
    path = _path(detail)
    known = path
    while known not in places:
        known = known[:-1]
    label = " ".join(part for part in (places[known].where, ".".join(path)) if part)
    rule, mend = _rule_and_mend(detail, path, TenantsSettings, None)
    return Problem(label, rule, mend)


def _path(detail: ErrorDetails) -> tuple[str, ...]:
    """The keys down to the value; pydantic's own marker for a refused mapping key is left out."""
    return tuple(str(part) for part in detail["loc"] if part != "[key]")


_TYPES = {
    "int_type": "must be a whole number.",
    "int_from_float": "must be a whole number.",
    "float_type": "must be a number.",
    "bool_type": "must be true or false.",
    "string_type": "must be text.",
    "list_type": "must be a list.",
    "dict_type": "must be a mapping of keys to values.",
    "model_type": "must be a mapping of keys to values.",
    "model_attributes_type": "must be a mapping of keys to values.",
    "date_type": "must be a day, such as 2026-11-23.",
}


def _rule_and_mend(
    detail: ErrorDetails, path: tuple[str, ...], model: type[BaseModel], command: str | None
) -> tuple[str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "rule":
        return str(context["rule"]), str(context["mend"])
    if kind == "missing":
        parent = _model_at(model, path[:-1])
        mend = _mend_of(parent, path[-1]) if parent else ""
        return "is required and not set.", " ".join(part for part in (mend, command and f"Set it: {command}") if part)
    if kind == "extra_forbidden":
        parent = _model_at(model, path[:-1])
        known = list(parent.model_fields) if parent else []
        return "is not a setting.", suggest(path[-1], known)
    if kind == "too_short":
        return "must not be empty.", "Name at least one."
    # The value is not shown: what has the wrong type may be anything.
    return _TYPES.get(kind, f"{detail['msg']}."), "Mend its value."


def _model_at(model: type[BaseModel], path: tuple[str, ...]) -> type[BaseModel] | None:
    """The model that describes what lies at `path`."""
    current: Any = model
    for part in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            if part not in current.model_fields:
                return None
            current = _unwrapped(current.model_fields[part].annotation)
        elif get_origin(current) in (dict, list):
            current = _unwrapped(get_args(current)[-1])
        else:
            return None
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _unwrapped(annotation: Any) -> Any:
    """The type inside Annotated and Optional."""
    if get_origin(annotation) is Annotated:
        return _unwrapped(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return _unwrapped(next(member for member in get_args(annotation) if member is not type(None)))
    return annotation


def _mend_of(model: type[BaseModel], name: str) -> str:
    """The mend that the field's own rule would give."""
    for metadata in model.model_fields[name].metadata:
        rule = getattr(metadata, "func", None)
        if isinstance(rule, Rule):
            return rule.mend if isinstance(rule.mend, str) else rule.mend("")
    return ""
