"""`flask explain`: show what a login would be granted, and why."""

from cli.explain.command import explain

__all__ = ["explain"]
