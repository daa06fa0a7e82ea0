"""Comparisons of conditions, step by step: `polpo_lab.analysis.compare` puts the steps together.

``roles``, ``metrics``, ``selection`` and ``table`` go from a frame to arrays; ``conditions``,
``contrasts`` and ``missing`` from arrays to estimates; ``verdicts``, ``groups``, ``sentences``
and ``cautions`` say what they mean; ``result`` holds all of it and ``display`` shows it.
"""
