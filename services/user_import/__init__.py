"""The import of users from files, and the file formats."""
