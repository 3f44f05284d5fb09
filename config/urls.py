"""The public surface: one include per room and door. The rooms' paths are those of DESIGN 5; the dx calls come last."""

from django.urls import include, path, re_path

import accounts.urls
import orgs.projects.urls
import orgs.urls
import tokens.urls
import tokens.work.urls
from config import dx, pages, reference
from config.admin import console

handler400 = "config.pages.bad_request"
handler403 = "config.pages.permission_denied"
handler404 = "config.pages.page_not_found"
handler500 = "config.pages.server_error"

rest_urlpatterns = [
    *tokens.urls.api_urlpatterns,
    *tokens.work.urls.api_urlpatterns,
    *orgs.urls.api_urlpatterns,
    *orgs.projects.urls.api_urlpatterns,
    *accounts.urls.api_urlpatterns,
    path("schema/", reference.SchemaView.as_view(), name="schema"),
    path("docs/", reference.ReferenceView.as_view(), name="docs"),
]
urlpatterns = [
    path("healthz", pages.healthz, name="healthz"),
    path("favicon.ico", pages.favicon),
    path(".well-known/security.txt", pages.security_txt),
    path("readyz", pages.readyz, name="readyz"),
    path("api/v1/", include((rest_urlpatterns, "api"))),
    path("admin/", console.urls),
    path("", include("accounts.urls")),
    path("", include("twofactor.urls")),
    path("", include("orgs.urls")),
    path("", include("orgs.projects.urls")),
    path("", include("tokens.urls")),
    path("", include("tokens.work.urls")),
    path("oauth2/token", dx.oauth2_token),
    re_path(r"^(?:[a-z]+/[A-Za-z]+|[a-z]+-[^/]+(?:/[^/]+)?/[A-Za-z]+)\Z", dx.router),
]
