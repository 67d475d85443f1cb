"""Tests that only Windows can answer; tests/wine runs them under Wine, and any Windows machine as they are."""

from __future__ import annotations

import sys

collect_ignore_glob = [] if sys.platform == "win32" else ["test_*.py"]
