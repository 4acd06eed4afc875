"""An LDAP client: connections, their pools, failover between servers, filters, and DNs. It has no notion of users."""
