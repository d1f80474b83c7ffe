"""What may be configured of the applications: images and releases, sizes, replicas, single sign-on, the index job."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from infra.azure_settings import SecretName
from infra.rules import (
    MAXIMUM_REPLICAS,
    ContainerAppName,
    Cores,
    Image,
    Memory,
    Rule,
    between,
    matches,
    refusal,
)
from infra.section import Section

#: Seconds that Container Apps waits at most between SIGTERM and SIGKILL.
LONGEST_TERMINATION = 600
#: Azure spreads a zone-redundant app over three zones.
ZONES = 3


class ContainerSettings(Section):
    """One container: `cpu` in cores, `memory` twice as many gibibytes."""

    #: The app's name in Azure.
    name: ContainerAppName
    #: What it runs.
    image: Image
    #: Cores of a replica.
    cpu: Cores = 0.5
    #: Memory of a replica.
    memory: Memory = Field(default="1Gi", validate_default=True)
    #: Seconds that a replica has to finish what it is at, once it is told to stop.
    termination_grace_seconds: Annotated[int, between(0, LONGEST_TERMINATION, "seconds")] = 30

    @field_validator("memory")
    @classmethod
    def _memory_goes_with_cores(cls, value: str, info: ValidationInfo) -> str:
        cores = info.data.get("cpu")
        if cores is not None and float(value.removesuffix("Gi")) != 2 * cores:
            raise refusal(
                f"{value!r} does not go with {cores:g} cores: Container Apps gives two gibibytes for each core.",
                f"Set memory to {2 * cores:g}Gi, or cpu to match.",
            )
        return value


class ReleaseSettings(Section):
    """A newer image beside the stable one: its revision takes `weight` per cent of the requests."""

    #: The canary's image.
    image: Image
    #: The canary's share of the requests; 0 takes it back.
    weight: Annotated[int, between(0, 100, "per cent of the requests")]


class ScaledContainerSettings(ContainerSettings):
    """A container that runs in several replicas: more of them above `concurrent_requests` each.

    How a release goes, each step a change of these settings alone:

    - `image: A`: one revision, with all requests.
    - Canary, `image: A, release: {image: B, weight: 10}`: the app's template is B's; A's revision keeps the rest.
    - Back from it, `weight: 0`: the requests return to A's revision, which never stopped. Nothing is made.
    - Promotion, `image: B, previous: A`: B's revision takes all; A's stays, ready, without requests.
    - Back from that, `image: A, release: {image: B, weight: 0}` and no `previous`: as above, nothing is made.
    - Settled, `previous` left out: Azure stops what is not the newest revision.

    After a way back, the next canary takes the place of the refused one. To leave `release` out there would ask for a
    second revision of A under the first one's name, which Azure refuses.
    """

    #: Replicas that always run.
    min_replicas: Annotated[int, between(1, MAXIMUM_REPLICAS, "replicas (scaling by CPU cannot start from none)")] = 1
    #: Replicas at most.
    max_replicas: Annotated[int, between(1, MAXIMUM_REPLICAS, "replicas")] = Field(default=3, validate_default=True)
    #: Requests at a time for which one replica is enough.
    concurrent_requests: Annotated[int, between(1, 1000, "requests at a time")] = 50
    #: The canary beside `image`.
    release: ReleaseSettings | None = None
    #: The image that served before `image`: its revision is kept ready.
    previous: Image | None = None

    @field_validator("max_replicas")
    @classmethod
    def _ceiling_above_floor(cls, value: int, info: ValidationInfo) -> int:
        floor = info.data.get("min_replicas")
        if floor is not None and value < floor:
            raise refusal(f"{value} is below min_replicas, which is {floor}.", "Raise one or lower the other.")
        return value

    @field_validator("release")
    @classmethod
    def _another_image(cls, value: ReleaseSettings | None, info: ValidationInfo) -> ReleaseSettings | None:
        if value is not None and value.image == info.data.get("image"):
            raise refusal(f"{value.image!r} is the stable image too.", "Release another one, or leave release out.")
        return value

    @field_validator("previous")
    @classmethod
    def _an_earlier_image(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and value == info.data.get("image"):
            raise refusal(f"{value!r} is the image itself.", "Name the one before it, or leave it out.")
        return value


class BackendSettings(ScaledContainerSettings):
    #: The app's name in Azure.
    name: ContainerAppName = "agentnexus-backend"


class SiteSettings(ScaledContainerSettings):
    #: The app's name in Azure.
    name: ContainerAppName = "agentnexus-site"
    #: Where the site listens, and the page that answers when it is well.
    port: Annotated[int, between(1, 65535, "(a TCP port)")] = 80
    #: The page that answers when the site is well.
    health_path: Annotated[
        str, AfterValidator(Rule(matches(r"/[A-Za-z0-9._~/-]*"), "is no path.", "Begin it with /."))
    ] = "/"


class OpenIdSettings(Section):
    """Single sign-on of the chat. The client's secret lies in the vault, put there by hand."""

    #: Who signs people in.
    issuer: Annotated[
        str,
        AfterValidator(
            Rule(
                matches(r"https://[A-Za-z0-9.-]+(:[0-9]+)?(/[^\s?#]*)?"),
                "is no issuer: an https address.",
                "For Microsoft Entra ID: https://login.microsoftonline.com/<directory>/v2.0.",
            )
        ),
    ]
    #: The chat's id at the issuer.
    client_id: Annotated[str, Field(min_length=1)]
    #: What the vault calls the client's secret.
    client_secret: SecretName = "nexuschat-openid-client-secret"  # noqa: S105 -- the secret's name
    #: What is asked of the issuer.
    scope: str = "openid profile email"
    #: What the button says.
    button: str = "Sign in"


class ChatSettings(ScaledContainerSettings):
    #: The app's name in Azure.
    name: ContainerAppName = "nexuschat"
    #: An answer may be on its way for minutes.
    termination_grace_seconds: Annotated[int, between(0, LONGEST_TERMINATION, "seconds")] = 120
    openid: OpenIdSettings | None = None


class SearchSettings(ContainerSettings):
    """Meilisearch: always exactly one replica, since its index lies on the replica's own disk."""

    #: The app's name in Azure.
    name: ContainerAppName = "nexuschat-meilisearch"
    #: What it runs.
    image: Image = "getmeili/meilisearch:v1.12.3"


class IndexSettings(Section):
    """The job that fills Meilisearch from Snowflake, by schedule: a new replica begins with an empty index."""

    #: The job's name in Azure.
    name: ContainerAppName = "nexuschat-index"
    #: The backend's own, unless another is given.
    image: Image | None = None
    #: What the image is told to run; what the company's backend calls it is for the company to say.
    command: tuple[str, ...] = ("python", "-m", "agentnexus.search_index")
    #: Cores of a run.
    cpu: Cores = 0.5
    #: Memory of a run.
    memory: Memory = Field(default="1Gi", validate_default=True)
    #: In UTC.
    schedule: Annotated[
        str,
        AfterValidator(
            Rule(
                matches(r"[0-9*/,-]+( [0-9*/,-]+){4}"),
                "is no schedule in cron's five fields.",
                "For example */15 * * * *, every quarter of an hour.",
            )
        ),
    ] = "*/15 * * * *"
    #: Seconds after which an execution is ended.
    timeout_seconds: Annotated[int, between(60, 86_400, "seconds")] = 840

    @field_validator("command", mode="before")
    @classmethod
    def _as_a_tuple(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("memory")
    @classmethod
    def _memory_goes_with_cores(cls, value: str, info: ValidationInfo) -> str:
        cores = info.data.get("cpu")
        if cores is not None and float(value.removesuffix("Gi")) != 2 * cores:
            raise refusal(
                f"{value!r} does not go with {cores:g} cores: Container Apps gives two gibibytes for each core.",
                f"Set memory to {2 * cores:g}Gi, or cpu to match.",
            )
        return value


class AppsSettings(Section):
    #: The API between the chat and Snowflake.
    backend: BackendSettings
    #: The public site.
    site: SiteSettings
    #: The chat, LibreChat's.
    chat: ChatSettings
    search: SearchSettings = Field(default_factory=SearchSettings, validate_default=True)
    index: IndexSettings = Field(default_factory=IndexSettings, validate_default=True)

    @field_validator("search", "index")
    @classmethod
    def _names_differ(cls, value: ContainerSettings | IndexSettings, info: ValidationInfo) -> object:
        apps: dict[str, ContainerSettings | IndexSettings] = {**info.data, str(info.field_name): value}
        for first in apps:
            for second in apps:
                if first < second and apps[first].name == apps[second].name:
                    raise refusal(
                        f"{first} and {second} are both named {apps[first].name!r}.", "Give each app a name of its own."
                    )
        return value

    def too_few_for_zones(self) -> list[str]:
        """The apps that could not have a replica in each zone."""
        scaled = {"backend": self.backend, "site": self.site, "chat": self.chat}
        return [name for name, app in scaled.items() if app.min_replicas < ZONES]
