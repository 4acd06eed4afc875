"""The services: log in, issue tokens, guard routes, sessions, keys, diagnosis, import. Only the guard uses HTTP."""
