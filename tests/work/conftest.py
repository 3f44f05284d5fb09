"""What tests of files need: a storage of their own, parts of a few bytes, and amy with a project."""

from pathlib import Path

import pytest
from django.conf import LazySettings

from accounts.models import User
from tests.projects.factories import project_of
from tests.work.factories import Desk, desk_of
from tokens.work import limits


@pytest.fixture(autouse=True)
def files_dir(settings: LazySettings, tmp_path: Path) -> Path:
    """The folder where the bytes of this test lie, and no other's."""
    folder = tmp_path / "files"
    folder.mkdir()
    stored = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": folder}}
    # A new value, for that one is announced: the storage that was opened before is then forgotten.
    settings.STORAGES = {**settings.STORAGES, "default": stored}
    return folder


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts before the last one need four bytes."""
    monkeypatch.setattr(limits, "MINIMUM_PART_BYTES", 4)


@pytest.fixture
def desk(amy: User) -> Desk:
    """Amy, who administers a project, with an API token."""
    return desk_of(amy, project_of(amy))
