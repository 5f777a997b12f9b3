"""Object stores: the port (`protocol`) and one adapter for each kind of store."""
