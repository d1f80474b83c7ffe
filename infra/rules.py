"""The rules that single values obey, each with what it says when broken and what mends the breach."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ValidationInfo
from pydantic_core import PydanticCustomError

#: Those on real clouds, which hold patients' data.
REAL_ENVIRONMENTS = ("staging", "prod")
ENVIRONMENTS = ("local", *REAL_ENVIRONMENTS)
#: Snowflake's editions and the most days of Time Travel that each offers.
EDITIONS = {"STANDARD": 1, "ENTERPRISE": 90, "BUSINESS_CRITICAL": 90, "VIRTUAL_PRIVATE_SNOWFLAKE": 90}
#: Editions under which Snowflake signs a business associate agreement: patients' data needs one.
PHI_EDITIONS = ("BUSINESS_CRITICAL", "VIRTUAL_PRIVATE_SNOWFLAKE")
WAREHOUSE_SIZES = (
    "XSMALL",
    "SMALL",
    "MEDIUM",
    "LARGE",
    "XLARGE",
    "XXLARGE",
    "XXXLARGE",
    "X4LARGE",
    "X5LARGE",
    "X6LARGE",
)
#: Seconds. A warehouse is billed for its first minute in any case; an hour of idling is the most allowed here.
AUTO_SUSPEND_SECONDS = (60, 3600)
#: Azure's regions in the United States: patients' data stays there.
LOCATIONS = (
    "centralus",
    "eastus",
    "eastus2",
    "northcentralus",
    "southcentralus",
    "westcentralus",
    "westus",
    "westus2",
    "westus3",
)
#: Where Cortex may process a prompt besides the account's own region. ANY_REGION and the global ones are not offered.
CROSS_REGIONS = ("DISABLED", "AZURE_US", "AWS_US")
#: Minutes after which an idle session ends: a quarter of an hour is the most (45 CFR 164.312(a)(2)(iii), CIS 1.9).
IDLE_MINUTES = (5, 15)
#: Characters of a person's password: 14 are the least (CIS 1.5).
PASSWORD_LENGTH = (14, 256)
#: Ways in which a person may log in to Snowflake. A key pair is for programs.
PERSON_METHODS = ("SAML", "PASSWORD", "OAUTH")
#: A range with fewer leading bits than this is nobody's own network.
SHORTEST_NETWORK_PREFIX = 8
#: Days that Log Analytics keeps logs without an archive.
LOG_RETENTION_DAYS = (30, 730)
#: The most replicas of one container app.
MAXIMUM_REPLICAS = 1000


@dataclass(frozen=True)
class Rule:
    """A check on one value, with the rule it stands for and what mends a breach.

    `mend` may be a function of the refused value.
    """

    check: Callable[[Any], bool]
    rule: str
    mend: str | Callable[[Any], str]

    def __call__(self, value: Any) -> Any:
        if not self.check(value):
            raise self.refusal(value)
        return value

    def refusal(self, value: Any) -> PydanticCustomError:
        return refusal(f"{shown(value)} {self.rule}", self.mend(value) if callable(self.mend) else self.mend)


@dataclass(frozen=True)
class Wanted:
    """Beside a rule that is code: what a value is to be, in words."""

    words: str


def refusal(rule: str, mend: str) -> PydanticCustomError:
    """What a validator raises; the braces of pydantic's own templates never see the text."""
    return PydanticCustomError("rule", "{rule}", {"rule": rule, "mend": mend})


def shown(value: Any) -> str:
    if value == "":
        return "an empty value"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…'"


def matches(pattern: str) -> Callable[[Any], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def suggest(value: Any, known: tuple[str, ...] | list[str]) -> str:
    """A did-you-mean, or the whole choice."""
    folded = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in known}
    key = re.sub(r"[^a-z0-9]", "", str(value).lower())
    near = difflib.get_close_matches(key, folded, n=1, cutoff=0.6) or [name for name in folded if key.startswith(name)]
    choice = ", ".join(known)
    return f"Did you mean {folded[near[0]]}? Known: {choice}." if near else f"Known: {choice}."


def one_of(what: str, known: tuple[str, ...]) -> AfterValidator:
    return AfterValidator(Rule(lambda value: value in known, f"is not {what}.", lambda value: suggest(value, known)))


def between(low: float, high: float | None, unit: str) -> AfterValidator:
    if high is None:
        return AfterValidator(Rule(lambda value: value >= low, f"is too little: at least {low} {unit}.", "Raise it."))
    return AfterValidator(
        Rule(
            lambda value: low <= value <= high,
            f"is out of bounds: {low} to {high} {unit}.",
            "Choose a value between the two.",
        )
    )


def guid(mend: str) -> AfterValidator:
    return AfterValidator(Rule(matches(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), "is not a GUID.", mend))


def _network(value: str) -> ipaddress.IPv4Network | None:
    try:
        found = ipaddress.IPv4Network(value)
    except ValueError:
        return None
    return found if found.prefixlen >= SHORTEST_NETWORK_PREFIX else None


def _own_network(value: str, info: ValidationInfo) -> str:
    """A named IPv4 range; the loopback one belongs to the embedded cloud alone."""
    network = _network(value)
    if network is None:
        raise refusal(
            f"{shown(value)} is no network of somebody's own: an IPv4 range in CIDR form, "
            f"/{SHORTEST_NETWORK_PREFIX} or narrower (so never 0.0.0.0/0), with no bit set behind its prefix.",
            "For example 203.0.113.0/24, or 203.0.113.7/32 for one address.",
        )
    if network.is_loopback and (info.context or {}).get("environment") in REAL_ENVIRONMENTS:
        raise refusal(
            f"{value!r} is the embedded cloud's loopback: nobody reaches a real account from there.",
            "Name the public addresses from which these users come.",
        )
    return value


_SNOWFLAKE_IDENTIFIER = r"[A-Z_][A-Z0-9_$]{0,254}"
_IMAGE = (
    r"(?:(?P<registry>[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*(?::[0-9]+)?)/)?"
    r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def _pinned(image: str) -> bool:
    match = re.fullmatch(_IMAGE, image)
    if match is None:
        return False
    return match["digest"] is not None or (match["tag"] is not None and match["tag"].lower() != "latest")


Environment = Annotated[str, one_of("an environment", ENVIRONMENTS)]
Location = Annotated[str, one_of("an Azure region in the United States", LOCATIONS)]
SubscriptionId = Annotated[
    str, guid("`az account list --query \"[?name=='sub-nex-prd'].id\" --output tsv` gives the id by the name.")
]
DirectoryId = Annotated[str, guid("`az account show --query tenantId --output tsv` gives it.")]
ResourceGroupName = Annotated[
    str,
    AfterValidator(
        Rule(
            lambda value: re.fullmatch(r"[\w().-]{1,90}", value) is not None and not value.endswith("."),
            "is no name for a resource group: 1 to 90 letters, digits, _ ( ) . -, not ending in a full stop.",
            "For example rg-nexuschat-prod.",
        )
    ),
]
VaultName = Annotated[
    str,
    AfterValidator(
        Rule(
            lambda value: (
                re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]", value) is not None and "--" not in value
            ),
            "is no name for a key vault: 3 to 24 letters, digits and single hyphens, a letter first, no hyphen last.",
            lambda value: (
                f"It has {len(value)} characters: shorten it." if len(value) > 24 else "For example kv-nexuschat-prod."
            ),
        )
    ),
]
RegistryName = Annotated[
    str,
    AfterValidator(
        Rule(
            matches(r"[a-zA-Z0-9]{5,50}"),
            "is no name for a container registry: 5 to 50 letters and digits.",
            "Give the registry's name, without .azurecr.io.",
        )
    ),
]
ContainerAppName = Annotated[
    str,
    AfterValidator(
        Rule(
            lambda value: re.fullmatch(r"[a-z][a-z0-9-]{0,30}[a-z0-9]", value) is not None and "--" not in value,
            "is no name for a container app: 2 to 32 lower-case letters, digits and single hyphens, a letter first.",
            lambda value: (
                f"It has {len(value)} characters: shorten it." if len(value) > 32 else "For example nexuschat."
            ),
        )
    ),
]
Image = Annotated[
    str,
    AfterValidator(
        Rule(
            _pinned,
            "is not a pinned image: it needs a tag other than latest, or a digest.",
            "Write registry/repository:tag or registry/repository@sha256:….",
        )
    ),
]
SnowflakeIdentifier = Annotated[
    str,
    AfterValidator(
        Rule(
            matches(_SNOWFLAKE_IDENTIFIER),
            "is no Snowflake name as used here: upper-case letters, digits, _ and $, not a digit first.",
            lambda value: f"Write {value.upper()}." if matches(_SNOWFLAKE_IDENTIFIER)(value.upper()) else "Rename it.",
        )
    ),
]
Network = Annotated[
    str,
    AfterValidator(_own_network),
    Wanted(f"IPv4 range of one's own in CIDR form, /{SHORTEST_NETWORK_PREFIX} or narrower"),
]
EmailAddress = Annotated[
    str,
    AfterValidator(
        Rule(
            matches(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
            "is no mail address.",
            "Give the address of the people who answer for the account.",
        )
    ),
]
CronSchedule = Annotated[
    str,
    AfterValidator(
        Rule(
            matches(r"(\S+ ){5}[A-Za-z_]+(/[A-Za-z_]+)*"),
            "is no schedule: five cron fields and a time zone.",
            "For example 17 3 * * * UTC: every day at 03:17.",
        )
    ),
]
OrganizationName = Annotated[
    str,
    AfterValidator(
        Rule(
            matches(r"[A-Z][A-Z0-9]*"),
            "is no Snowflake organisation's name: upper-case letters and digits.",
            "`SELECT CURRENT_ORGANIZATION_NAME()` on the account gives it; nobody may guess it.",
        )
    ),
]
AccountName = Annotated[
    str,
    AfterValidator(
        Rule(
            matches(r"[A-Z][A-Z0-9_]*"),
            "is no Snowflake account's name: upper-case letters, digits and _ (a locator with its region is none).",
            "`SELECT CURRENT_ACCOUNT_NAME()` on the account gives it; nobody may guess it.",
        )
    ),
]
Edition = Annotated[str, one_of("an edition of Snowflake", tuple(EDITIONS))]
WarehouseSize = Annotated[str, one_of("a size of a Snowflake warehouse", WAREHOUSE_SIZES)]
MonthlyCredits = Annotated[int, between(1, None, "credit a month")]
MonthlyCortexTokens = Annotated[int, between(0, None, "tokens a month")]
#: Of credits or of a currency.
Price = Annotated[float, between(0, None, "for the unit")]
AutoSuspendSeconds = Annotated[int, between(*AUTO_SUSPEND_SECONDS, "seconds")]
Memory = Annotated[
    str,
    AfterValidator(
        Rule(matches(r"[0-9](\.[0-9]+)?Gi"), "is no amount of memory.", "Write it in gibibytes, for example 0.5Gi.")
    ),
]
Cores = Annotated[
    float,
    AfterValidator(
        Rule(
            lambda value: 0.25 <= value <= 4 and (value * 4).is_integer(),
            "is no number of cores that Container Apps offers: 0.25 to 4 in steps of 0.25.",
            "Choose one of those.",
        )
    ),
]

UNKNOWN_MODEL_HINT = (
    "claude-sonnet-4 is in no list of Cortex's models: it is claude-4-sonnet, and later ones flip the order."
)


def _edition_retention(value: int, info: ValidationInfo) -> int:
    """Days of Time Travel against what the edition offers; the edition comes in the validation's context."""
    edition = (info.context or {}).get("edition")
    most = EDITIONS.get(edition, 90) if isinstance(edition, str) else 90
    if not 0 <= value <= most:
        words = f"edition {edition} keeps" if edition in EDITIONS else "Snowflake keeps"
        raise refusal(
            f"{value} is out of bounds: {words} 0 to {most} days.",
            "Choose a value between the two"
            + (", or a higher edition in nexuschat:snowflake.edition." if 1 < value <= 90 else "."),
        )
    return value


def _day(value: Any) -> Any:
    """A day as YAML has it, or as its text; the engine hands an unquoted one over with a time of day."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(re.sub(r"[T ]00:00:00(Z| \+0000 UTC)?$", "", value))
        except ValueError:
            raise refusal(f"{shown(value)} is no day.", "For example 2026-12-31.") from None
    return value


def said(mend: str) -> Rule:
    """For text that must say something."""
    return Rule(lambda value: bool(value.strip()), "must not be empty.", mend)


def each_once(key: Callable[[Any], Hashable], told: Callable[[Any], str]) -> AfterValidator:
    """For a list in which no two have the same key; `told` says what is wrong with the second."""

    def check(value: list[Any]) -> list[Any]:
        seen: set[Hashable] = set()
        for each in value:
            if key(each) in seen:
                raise refusal(told(each), "Remove one of the two.")
            seen.add(key(each))
        return value

    return AfterValidator(check)


Day = Annotated[date, BeforeValidator(_day), Wanted("day, such as 2026-12-31")]
RetentionDays = Annotated[int, AfterValidator(_edition_retention), Wanted("0 to 90 days, or what the edition keeps")]
OrganizationId = Annotated[
    str,
    AfterValidator(
        Rule(matches(r"HCS[0-9]{4}"), "is no organisation's id: HCS and four digits.", "For example HCS0021.")
    ),
]
