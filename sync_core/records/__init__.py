"""The record of each key: the port (`protocol`) and its adapters."""
