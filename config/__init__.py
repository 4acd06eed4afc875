"""The environment, read into typed settings. Imports no other package of this project."""
