"""Who reads and writes which table, computed a second time in another way: relations and a fixpoint, no graph library.

It knows of our modules nothing: it reads graph.json, and only what is there for whoever acts in a role.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Holder = str
Table = str


def parts(name: str) -> list[str]:
    return [quoted or bare for quoted, bare in re.findall(r'"([^"]*)"|([^".]+)', name)]


def full(name: str) -> str:
    return ".".join(parts(name))


def tables(graph: Sequence[Mapping[str, Any]]) -> list[Table]:
    return sorted("{database}.{schema}.{name}".format(**each["inputs"]) for each in graph if each["kind"] == "Table")


def acts_as(graph: Sequence[Mapping[str, Any]]) -> set[tuple[Holder, Holder]]:
    """Pairs of a holder and whatever it acts as: itself, what is granted to it, and so on to the end."""
    pairs = {("ROLE ACCOUNTADMIN", "ROLE SYSADMIN"), ("ROLE ACCOUNTADMIN", "ROLE SECURITYADMIN")}
    pairs |= {("ROLE SECURITYADMIN", "ROLE USERADMIN")}
    for each in graph:
        given = each["inputs"]
        if each["kind"] == "GrantAccountRole":
            to = f"USER {full(given['userName'])}" if given.get("userName") else f"ROLE {full(given['parentRoleName'])}"
            pairs.add((to, f"ROLE {full(given['roleName'])}"))
        elif each["kind"] == "GrantDatabaseRole":
            for key, kind in (("parentRoleName", "ROLE"), ("parentDatabaseRoleName", "DATABASE ROLE")):
                if given.get(key):
                    pairs.add((f"{kind} {full(given[key])}", f"DATABASE ROLE {full(given['databaseRoleName'])}"))
    pairs |= {(side, side) for pair in pairs for side in pair}
    while True:
        more = {(upper, lower) for upper, middle in pairs for other, lower in pairs if middle == other} - pairs
        if not more:
            return pairs
        pairs |= more


def given_to(graph: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Holder, str, Table]]:
    """Each privilege on a table that a role itself is given, by grant or by having made it."""
    known = tables(graph)
    for each in graph:
        given = each["inputs"]
        if each["kind"] == "Table":
            yield f"ROLE {each['made_by']}", "OWNERSHIP", "{database}.{schema}.{name}".format(**given)
        if not each["kind"].startswith("GrantPrivilegesTo"):
            continue
        role = given.get("accountRoleName")
        holder = f"ROLE {full(role)}" if role else f"DATABASE ROLE {full(str(given.get('databaseRoleName')))}"
        on = given.get("onSchemaObject") or {}
        for privilege in given.get("privileges") or ():
            if on.get("objectType") == "TABLE":
                yield holder, privilege, full(on["objectName"])
            for scope in ("all", "future"):
                if (on.get(scope) or {}).get("objectTypePlural") == "TABLES":
                    place = full(on[scope].get("inSchema") or on[scope].get("inDatabase"))
                    for table in known:
                        if table.startswith(f"{place}."):
                            yield holder, privilege, table


def reached(graph: Sequence[Mapping[str, Any]]) -> set[tuple[Holder, str, Table]]:
    """Holder, privilege, table: all that somebody has without granting itself anything first."""
    pairs = acts_as(graph)
    found = set()
    for role, privilege, table in given_to(graph):
        found.add((role, privilege, table))
        found |= {(upper, privilege, table) for upper, lower in pairs if lower == role}
    return found
