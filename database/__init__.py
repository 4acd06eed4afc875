"""Everything SQL: the engine, the tables, what is done with them, and their migrations."""
