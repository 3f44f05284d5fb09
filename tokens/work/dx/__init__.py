"""The dx client's door to files, folders with files in them, and jobs (DX_PROTOCOL 5.5, 6, 7)."""

from tokens.work.dx import files, folders, jobs, objects

ROUTES = {**files.ROUTES, **folders.ROUTES, **objects.ROUTES, **jobs.ROUTES}
OPEN_ROUTES = files.OPEN_ROUTES
