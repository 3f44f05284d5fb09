"""Whose request it is: only a trusted proxy is believed, and only as far as its own entry (LOG-08)."""

from typing import Any

import pytest
from django.test import RequestFactory

from accounts.clients import client_address, device_icon, device_name, network_of
from tests.factories import FIREFOX

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.7", "", "192.0.2.7"),
        ("192.0.2.7", "203.0.113.1", "192.0.2.7"),
        ("10.0.0.1", "203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.1, 10.0.0.2", "203.0.113.1"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.1:51234", "203.0.113.1"),
        ("10.0.0.1", "6.6.6.6, nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "[2001:db8::5]:443", "2001:db8::5"),
        ("::ffff:10.0.0.1", "203.0.113.1", "203.0.113.1"),
        ("::ffff:192.0.2.7", "", "192.0.2.7"),
        ("", "203.0.113.1", None),
    ],
)
def test_log_08_the_address_is_the_nearest_one_that_nobody_could_invent(
    peer: str, forwarded: str, address: str | None, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    request = RequestFactory().get(
        "/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded, HTTP_X_REAL_IP="6.6.6.6", HTTP_FORWARDED="for=6.6.6.6"
    )
    assert client_address(request) == address


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), (None, "unknown"), ("", "unknown")],
)
def test_failures_are_counted_by_address_or_by_the_network_of_one_customer(address: str | None, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("agent", "name", "icon"),
    [
        (FIREFOX, "Firefox on Linux", "screen"),
        ("dxpy/0.417.1 (Linux-6.1) Python/3.11.7 dx-whoami", "dxpy on Linux", "terminal"),
        ("tidy-client/2 x", "tidy-client", "screen"),
        ("https://evil.example/signin-now", "Unknown device", "screen"),
        ("evil.example", "Unknown device", "screen"),
        ("", "Unknown device", "screen"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile/15E148 Safari/604.1", "Mobile Safari on iOS", "phone"),
    ],
)
def test_devices_have_names_that_people_know(agent: str, name: str, icon: str) -> None:
    assert device_name(agent) == name
    assert device_icon(agent) == icon
