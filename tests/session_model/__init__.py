"""A property-based test of sessions: random actions on a real system, compared with a simple model of it."""
