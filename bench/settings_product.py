"""The product's settings, with a few addresses more: bare views to compare with."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls_product"
# As in production. In development it looks for each request whether there is such a file.
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = False
