"""Scoring kept rounds again by other criteria: from the journal, with `assess` alone.

No agent runs and no server is asked, but where only the server has what was handed in.
"""
