"""Where the API is, below whatever the app is mounted at."""

BASE = "/api/cost-management/v1/"
UPLOAD_BASE = "/api/ingress/v1/"
#: Where operators look for sources, as on the hosted service.
SOURCES_BASE = "/api/sources/v1.0/"
AUTH_BASE = "/auth/"
