"""An LDAP client: connections, their pool and failover, filters and DNs. It knows nothing of users."""
