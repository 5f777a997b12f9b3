"""Queues: the port (`protocol`) and its adapters."""
