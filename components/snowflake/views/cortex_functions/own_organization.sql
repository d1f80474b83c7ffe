-- The organisation whose application the current role is, and no other: inherited and secondary roles do not count.
SELECT
    ORGANIZATION_ID,
    STATUS,
    DATABASE_NAME,
    SCHEMA_NAME,
    MONTHLY_CORTEX_TOKENS
FROM $TENANT_MANAGEMENT.ORGANIZATIONS
WHERE
    REMOVED_AT IS NULL
    AND APPLICATION_ROLE = CURRENT_ROLE()
