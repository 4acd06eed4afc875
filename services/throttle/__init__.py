"""The login throttle: it counts failed logins, and refuses further ones of the same account or address."""
