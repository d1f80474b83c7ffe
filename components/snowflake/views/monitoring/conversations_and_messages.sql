-- What was begun and what was written, by organisation and day.
SELECT
    ORGANIZATION_ID,
    USAGE_DATE,
    CONVERSATIONS,
    MESSAGES,
    LOG_INS,
    FILES,
    FILE_BYTES
FROM $MONITORING.TENANT_DAYS
