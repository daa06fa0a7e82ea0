"""Whole experiments: suites, plans, the runner, and the journal that everything is kept in.

Talks to a client, never to a server; draws nothing and estimates no statistic.
"""
