"""File formats for users."""
