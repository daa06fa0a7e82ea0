"""Agents: a task view goes in, events come out. Function, command and (later) model agents."""
