-- How long answers took, in milliseconds, by organisation, model and day; answers from the cache are among them.
SELECT
    ORGANIZATION_ID,
    MODEL,
    USAGE_DATE,
    CALLS,
    CACHE_HITS,
    MEDIAN_MILLISECONDS,
    PERCENTILE_95_MILLISECONDS,
    LONGEST_MILLISECONDS
FROM $MONITORING.TENANT_MODEL_DAYS
