"""Analysis over recorded results: no server is needed."""

from __future__ import annotations

# Makes the logs anew, with inspect_ai, which is no dependency: no test.
collect_ignore = ["inspect_logs"]
