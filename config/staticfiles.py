"""How static files are named where browsers may keep them for ever, and whose there are."""

from django.contrib.staticfiles.finders import AppDirectoriesFinder
from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Names carry a hash of the content, also where one module imports another."""

    support_js_module_import_aggregation = True


class ReferenceFinder(AppDirectoriesFinder):
    """The files of the page about REST, and of no other app: what Django's own admin brings is served nowhere."""

    def __init__(self, app_names: object = None, *args: object, **kwargs: object) -> None:
        super().__init__(["drf_spectacular_sidecar"], *args, **kwargs)
