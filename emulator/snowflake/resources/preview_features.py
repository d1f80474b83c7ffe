"""Which resource types are preview features that a provider has to opt into."""

from __future__ import annotations

import re
from functools import cache

from emulator.introspection import provider_spec
from emulator.package import CloudError

_FLAG = re.compile(r"<code>(snowflake_\w+)</code>")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@cache
def preview_features() -> frozenset[str]:
    """The flags of features in preview, by the word of the installed SDK's own documentation of the provider.

    Features promoted since are listed there too, after the sentence about the preview ones.
    """
    documentation = provider_spec("snowflake").properties["previewFeaturesEnabled"].description
    in_preview, _, promoted = documentation.partition("Promoted features")
    flags = frozenset(_FLAG.findall(in_preview))
    if not flags or not promoted:
        raise RuntimeError("pulumi_snowflake no longer documents its preview features where they are looked for")
    return flags


@cache
def known_features() -> frozenset[str]:
    """Every flag that the provider takes: those of promoted features, which change nothing any more, too."""
    return frozenset(_FLAG.findall(provider_spec("snowflake").properties["previewFeaturesEnabled"].description))


@cache
def preview_feature_of(token: str) -> str | None:
    """The flag that a type (`snowflake:index/table:Table`) or a data source (`…/getTables:getTables`) needs."""
    name = token.rsplit(":", 1)[-1]
    kind = "datasource" if name.startswith("get") else "resource"
    flag = f"snowflake_{_WORD.sub('_', name.removeprefix('get')).lower()}_{kind}"
    return flag if flag in preview_features() else None


def require_preview_feature(token: str, enabled: frozenset[str]) -> None:
    """Refuse a preview type whose flag is missing, as the provider does when it comes to making it."""
    flag = preview_feature_of(token)
    if flag is not None and flag not in enabled:
        raise CloudError(
            f"{flag} is currently a preview feature, and must be enabled by adding {flag} "
            "to `previewFeaturesEnabled` of the provider."
        )
