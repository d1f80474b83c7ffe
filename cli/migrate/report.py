"""The report of a batch: counts and digests of every organisation and collection, signed, in JSON and as text.

Signed with the deploy user's key, whose public half the account itself knows: `DESC USER` shows the fingerprint that
stands in the report as RSA_PUBLIC_KEY_FP. What is signed begins with words of its own, so that no signature of another
use of that key can stand in for it.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from cli.migrate.journal import PRESENT, QUARANTINED, SKIPPED, WRITE, Journal
from cli.migrate.mapping import COLLECTIONS
from cli.migrate.values import canonical_json
from emulator.private_file import write_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_CONTEXT: Final = b"nexus migration report 1\n"
_PADDING: Final = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
NOBODY: Final = "unmapped"
"""What documents stand under that belong to no organisation."""


def aggregate(journal: Journal, column: str, tenant: str, collection: str) -> str:
    """SHA-256 over the digests of all carried rows, `digest` of the documents or `found` of the table, by their ids."""
    digest = hashlib.sha256()
    for source_id, each in journal.each(
        f"SELECT source_id, {column} FROM document WHERE tenant = ? AND collection = ? "  # noqa: S608
        "AND fate IN ('write', 'present') ORDER BY source_id, number",
        tenant,
        collection,
    ):
        digest.update(f"{source_id}\0".encode())
        digest.update(each or b"-")
    return digest.hexdigest()


def counts(journal: Journal) -> dict[str, dict[str, dict[str, Any]]]:
    """By organisation and collection: how many documents were read and what became of them."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for tenant, collection, fate, reason, count in journal.rows(
        "SELECT COALESCE(tenant, ?), collection, fate, reason, COUNT(*) FROM document "
        "GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
        NOBODY,
    ):
        entry = found.setdefault(tenant, {}).setdefault(
            collection or "damaged archive",
            {
                "table": COLLECTIONS.get(collection),
                "read": 0,
                "written": 0,
                "quarantined": {},
                "skipped": {},
            },
        )
        entry["read"] += count
        if fate == WRITE:
            entry["written"] += count
        elif fate in (SKIPPED, PRESENT):
            entry["skipped"][reason] = entry["skipped"].get(reason, 0) + count
        elif fate == QUARANTINED:
            entry["quarantined"][reason] = entry["quarantined"].get(reason, 0) + count
    return found


def balance(
    journal: Journal,
    found: Mapping[str, Mapping[str, Mapping[str, Any]]],
    quarantined: int,
    written: Mapping[tuple[str, str], int],
) -> list[str]:
    """What does not add up: documents read by the reader, rows counted by Snowflake, lines of the quarantine file.

    `written` are the rows of the batch that Snowflake counts, by organisation and table.
    """
    problems: list[str] = []
    read: dict[str, int] = journal.fact("read") or {}
    for collection, count in read.items():
        name = collection or "damaged archive"
        noted = sum(entries[name]["read"] for entries in found.values() if name in entries)
        if noted != count:
            problems.append(f"{name}: {count} documents read, {noted} accounted for")
    set_aside = 0
    rows: dict[tuple[str, str], int] = {}
    for tenant, entries in found.items():
        for collection, entry in entries.items():
            aside, skipped = sum(entry["quarantined"].values()), sum(entry["skipped"].values())
            set_aside += aside
            if entry["read"] != entry["written"] + aside + skipped:
                problems.append(
                    f"{tenant} {collection}: {entry['read']} read, {entry['written']} written + {aside} quarantined "
                    f"+ {skipped} skipped"
                )
            if entry["table"] and collection != "transactions":
                key = tenant, entry["table"]
                rows[key] = rows.get(key, 0) + entry["written"]
    if set_aside != quarantined:
        problems.append(f"{set_aside} documents quarantined, {quarantined} lines in the quarantine file")
    problems += [
        f"{' '.join(key)}: {rows.get(key, 0)} documents written, {written.get(key, 0)} rows there"
        for key in sorted(rows.keys() | written.keys())
        if key[0] != NOBODY and rows.get(key, 0) != written.get(key, 0)
    ]
    if unread := journal.fact("unread"):
        problems.append(
            f"the source is damaged in {unread} place{'' if unread == 1 else 's'}: how many documents stood there "
            "cannot be known (the quarantine file names them)"
        )
    return problems


def fingerprint(key: RSAPublicKey) -> str:
    """A public key's fingerprint, as Snowflake shows it in RSA_PUBLIC_KEY_FP."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "SHA256:" + b64encode(hashlib.sha256(der).digest()).decode()


def sign(report: Mapping[str, Any], key: RSAPrivateKey) -> dict[str, Any]:
    """The report with its signature."""
    value = key.sign(_CONTEXT + canonical_json(report).encode(), _PADDING, hashes.SHA256())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        **report,
        "signature": {
            "algorithm": "RSASSA-PSS with SHA-256",
            "key": fingerprint(key.public_key()),
            "public_key": b64encode(public).decode(),
            "value": b64encode(value).decode(),
        },
    }


def signer(report: Mapping[str, Any]) -> str | None:
    """The fingerprint of the key with which the report, as it is, was signed; None where no signature fits it."""
    signature = report.get("signature")
    if not isinstance(signature, dict):
        return None
    rest = {name: value for name, value in report.items() if name != "signature"}
    try:
        key = load_der_public_key(b64decode(str(signature.get("public_key")), validate=True))
        if not isinstance(key, RSAPublicKey) or fingerprint(key) != signature.get("key"):
            return None
        value = b64decode(str(signature.get("value")), validate=True)
        key.verify(value, _CONTEXT + canonical_json(rest).encode(), _PADDING, hashes.SHA256())
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return None
    return fingerprint(key)


def with_text(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report with the SHA-256 of its text, so that its signature holds for both."""
    return {**report, "text_sha256": _text_digest(text(report))}


def _text_digest(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def is_text_of(report: Mapping[str, Any], content: str) -> bool:
    """Whether a text is the one that the report was signed with."""
    unsigned = text({name: value for name, value in report.items() if name != "signature"})
    return content == "\n".join(text(report)) + "\n" and _text_digest(unsigned) == report.get("text_sha256")


def write(report: Mapping[str, Any], folder: Path, name: str = "report") -> None:
    """Write it as JSON and as text, readable by nobody else."""
    write_private(folder / f"{name}.json", json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    write_private(folder / f"{name}.txt", "\n".join(text(report)) + "\n")


def text(report: Mapping[str, Any]) -> list[str]:
    """The report as a person reads it."""
    lines = [
        f"Migration {report['batch']}: {report['verdict']}",
        f"  from      {report['source']['name']}  sha256 {report['source']['sha256']}",
        f"  to        {report['account']}, {_listed(report['tenants'])}",
        f"  begun     {report['begun']}   finished {report['finished']}",
        "",
        f"{'organisation':<14}{'collection':<16}{'read':>9}{'written':>9}{'aside':>9}{'skipped':>9}  rows in Snowflake",
    ]
    for tenant, entries in report["organizations"].items():
        for collection, entry in entries.items():
            aside, skipped = sum(entry["quarantined"].values()), sum(entry["skipped"].values())
            digests = entry.get("sha256_source"), entry.get("sha256_snowflake")
            equal = "" if digests[0] is None else "equal" if digests[0] == digests[1] else "NOT EQUAL"
            if collection == "transactions" and entry["written"]:
                equal = "in the messages' and conversations' token counts"
            numbers = f"{entry['read']:>9}{entry['written']:>9}{aside:>9}{skipped:>9}"
            lines.append(f"{tenant:<14}{collection:<16}{numbers}  {equal}".rstrip())
    for word in ("quarantined", "skipped"):
        reasons: dict[str, int] = {}
        for entries in report["organizations"].values():
            for entry in entries.values():
                for reason, count in entry[word].items():
                    reasons[reason] = reasons.get(reason, 0) + count
        if reasons:
            listed = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
            lines += ["", f"{word}: {listed}"]
    if report["left_out"]:
        total = sum(report["left_out"].values())
        lines += ["", f"never carried: {total} values of {', '.join(sorted(report['left_out']))}"]
    for note in report["notes"]:
        lines += ["", f"note: {note}"]
    for problem in report["mismatches"]:
        lines += ["", f"MISMATCH: {problem}"]
    if "signature" in report:
        lines += ["", f"signed by {report['signature']['key']} ({report['signature']['algorithm']}); see report.json"]
    return lines


def _listed(tenants: Sequence[str]) -> str:
    return ", ".join(tenants) if len(tenants) <= 5 else f"{len(tenants)} organisations"


def is_report(report: Any) -> bool:
    """Whether it has what a report has: one that was changed by hand may not."""
    try:
        datetime.fromisoformat(report["begun"])
        text(report)
        return all(isinstance(tenant, str) for tenant in [*report["tenants"], *carried(report)])
    except (LookupError, TypeError, ValueError, AttributeError):
        return False


def carried(report: Mapping[str, Any]) -> set[str]:
    """The organisations that have rows by a report."""
    return {
        tenant
        for tenant, entries in report["organizations"].items()
        if any(entry["written"] or entry["skipped"].get("already-there") for entry in entries.values())
    }


def differences(old: Mapping[str, Any], journal: Journal, tenants: Sequence[str]) -> list[str]:
    """Where the rows that are there now are not those of a report."""
    problems = []
    for tenant in tenants:
        for collection, entry in old["organizations"].get(tenant, {}).items():
            if entry.get("sha256_snowflake") is None:
                continue
            for side, column in (("source", "digest"), ("Snowflake", "found")):
                was = entry[f"sha256_{side.lower()}"]
                if aggregate(journal, column, tenant, collection) != was:
                    problems.append(f"{tenant} {collection}: the digest of the {side} side is not the report's")
    return problems
