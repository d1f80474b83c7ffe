"""The embedded cloud: Azure and Snowflake on this machine, spoken to over the real protocols.

It knows Pulumi's provider protocol and the installed SDKs' own type metadata, and nothing of this
deployment: it imports neither `infra` nor `components`.
"""
