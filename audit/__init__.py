"""The log: audit events, and the formats of log lines."""
