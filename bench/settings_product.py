"""The product's settings, with two addresses more: bare views to compare with."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls_product"
