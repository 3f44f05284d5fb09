"""The product's settings, with a few addresses more: bare views to compare with."""

from config.settings import *  # noqa: F403
from tokens import limits

# So long that no use is due to be noted while the bench runs, but for those that are seeded so: what is timed is the request without
# its write. A last use that is ahead would not do, for it is taken for another clock's, and written over.
limits.LAST_USED_SECONDS = 7 * 86_400

ROOT_URLCONF = "bench.urls_product"
# As in production. In development it looks for each request whether there is such a file.
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = False
