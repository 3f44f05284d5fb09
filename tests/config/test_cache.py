"""A Redis that is away, or that takes the call and never answers, costs one short wait in five seconds and nothing else (REL-03)."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.redis import RedisCache
from django.utils.module_loading import import_string

from config import readiness, services
from config.cache import Circuit


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield listener.getsockname()[1]


def cache_at(port: int) -> BaseCache:
    settings = dict(services.cache(f"redis://127.0.0.1:{port}/0"))
    backend: Any = import_string(settings.pop("BACKEND"))
    made: BaseCache = backend(settings.pop("LOCATION"), settings)
    return made


def test_rel_03_a_hanging_redis_reads_as_an_empty_cache(silent_port: int) -> None:
    cache, started = cache_at(silent_port), time.monotonic()
    assert cache.get("key", "default") == "default"
    assert cache.add("key", 1)
    cache.set("key", 1)
    assert cache.delete("key") is False
    assert time.monotonic() - started < 1


def test_rel_03_a_refusing_redis_reads_as_an_empty_cache() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        assert cache_at(reserved.getsockname()[1]).get("key") is None


def test_rel_03_it_is_left_alone_for_five_seconds_and_told_once(silent_port: int, caplog: pytest.LogCaptureFixture) -> None:
    cache = cache_at(silent_port)
    for _ in range(50):
        cache.get("key")
    assert len([record for record in caplog.records if record.name == "gatehouse.cache"]) == 1


def test_rel_03_one_thread_finds_out_for_all(silent_port: int, caplog: pytest.LogCaptureFixture) -> None:
    # Django makes a cache for each thread.
    cache_at(silent_port).get("key")
    started = time.monotonic()
    for _ in range(50):
        cache_at(silent_port).get("key")
    assert time.monotonic() - started < 5
    assert len([record for record in caplog.records if record.name == "gatehouse.cache"]) == 1


def test_rel_03_a_slow_answer_is_the_last_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.cache.SLOW_SECONDS", 0.0)
    asked: list[str] = []
    monkeypatch.setattr(RedisCache, "get", lambda self, key, *more: asked.append(key))
    cache = cache_at(1)
    cache.get("first")
    cache.get("second")
    assert asked == ["first"]


def test_rel_03_after_the_rest_one_thread_asks_first() -> None:
    circuit = Circuit()
    circuit.rest("a test")
    circuit._resting_until = time.monotonic() - 1
    assert [circuit.is_open(), circuit.is_open()] == [False, True]
    circuit.close()
    assert not circuit.is_open()


def test_readiness_sees_through_the_tolerance(silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "cache", cache_at(silent_port))
    with pytest.raises(RuntimeError):
        readiness.ask_cache()
