"""Where the API is, below whatever the app is mounted at."""

BASE = "/api/cost-management/v1/"
UPLOAD_BASE = "/api/ingress/v1/"
