"""uvicorn's protocol classes with timeouts, size limits and disconnect callbacks."""
