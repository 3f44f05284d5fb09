"""The storage of a test's own, as tests of files have it."""

from tests.work.conftest import desk, files_dir, small_parts

__all__ = ["desk", "files_dir", "small_parts"]
