-- Administrative roles granted to anybody in the last day, and account-wide privileges that make one.
SELECT
    CHANGED_ON,
    PRIVILEGE,
    GRANTED_ON,
    NAME,
    GRANTED_TO,
    GRANTEE_NAME,
    GRANTED_BY
FROM $MONITORING.GRANTS_CHANGED
WHERE
    CHANGE = 'GRANTED'
    AND CHANGED_ON >= DATEADD('DAY', -1, CURRENT_TIMESTAMP())
    AND (
        (GRANTED_ON = 'ROLE' AND NAME IN ('ACCOUNTADMIN', 'SECURITYADMIN', 'USERADMIN', 'SYSADMIN', 'ORGADMIN'))
        OR PRIVILEGE = 'MANAGE GRANTS'
    )
