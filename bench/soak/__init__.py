"""Twenty minutes of mixed traffic while PostgreSQL is restarted, and a replay of what was seen against the security log. `make soak`."""
