"""What a page costs as tickets become many."""
