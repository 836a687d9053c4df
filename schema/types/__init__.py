"""The output types. Their fields read ORM records; what is related comes through the operation's loaders."""
