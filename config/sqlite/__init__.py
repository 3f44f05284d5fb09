"""Django's SQLite, with fair waiting."""
