"""Building blocks of the domain: errors, ids, time, text, SQL conditions and pagination."""
