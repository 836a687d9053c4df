"""The output types. Their fields read ORM records and load related records in batches."""
