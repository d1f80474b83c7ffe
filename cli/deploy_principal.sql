-- Run once, by the owner of the account, as ACCOUNTADMIN: it makes the deploy principal and hands over what exists.
-- Put the public half of the principal's key pair in place of <RSA_PUBLIC_KEY> (one line, with neither header nor
-- footer); its private half goes to the deployment's own secret store, and nowhere else. docs/roles.md says why it
-- holds each of the four roles, and what takes them back. Running it again changes nothing.

CREATE USER IF NOT EXISTS NEXUS_DEPLOY
    TYPE = SERVICE
    DEFAULT_ROLE = SYSADMIN
    DEFAULT_SECONDARY_ROLES = ()
    COMMENT = 'Deploys the platform';
ALTER USER NEXUS_DEPLOY SET RSA_PUBLIC_KEY = '<RSA_PUBLIC_KEY>';
GRANT ROLE ACCOUNTADMIN TO USER NEXUS_DEPLOY;
GRANT ROLE SECURITYADMIN TO USER NEXUS_DEPLOY;
GRANT ROLE USERADMIN TO USER NEXUS_DEPLOY;
GRANT ROLE SYSADMIN TO USER NEXUS_DEPLOY;

-- What exists comes under Snowflake's own tree; whoever holds something on it keeps it.
GRANT OWNERSHIP ON DATABASE AGENTNEXUS_DB TO ROLE SYSADMIN COPY CURRENT GRANTS;
GRANT OWNERSHIP ON WAREHOUSE COMPUTE_WH TO ROLE SYSADMIN COPY CURRENT GRANTS;
GRANT OWNERSHIP ON ROLE AGENTNEXUS_AUTH_WRITER TO ROLE USERADMIN COPY CURRENT GRANTS;
GRANT OWNERSHIP ON USER AGENTNEXUS_SVC TO ROLE USERADMIN COPY CURRENT GRANTS;
