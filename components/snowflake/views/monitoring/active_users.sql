-- How many users wrote something: on the day, in seven days and in thirty days up to it.
SELECT
    ORGANIZATION_ID,
    USAGE_DATE,
    ACTIVE_USERS,
    ACTIVE_USERS_7_DAYS,
    ACTIVE_USERS_30_DAYS
FROM $MONITORING.TENANT_DAYS
