"""PostgreSQL as this house uses it; Django finds a database by the name of a package with a module `base`."""
