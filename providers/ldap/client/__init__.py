"""An LDAP client: connections, pools, failover between servers, filters and DNs. It does not define what a user is."""
