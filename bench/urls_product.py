"""The product's addresses, with the bench's own beside them."""

from django.urls import include, path

import config.urls
from bench import views_product

urlpatterns = [
    path("bench/select/", views_product.select),
    path("bench/by-hand/", views_product.by_hand),
    path("bench/token/", views_product.token),
    path("transfers/plain//<path:path>", views_product.plain),  # where the product lets bytes through
    path("", include("bench.urls")),
    *config.urls.urlpatterns,  # not as an include: the product has no such level
]
