"""HTTP in, HTTP out. One file for each door; errors.py knows what status an error has."""
