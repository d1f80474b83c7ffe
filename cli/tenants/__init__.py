"""`nexus tenants`: the life of an organisation, from the line that takes it on to the certificate of its removal."""
