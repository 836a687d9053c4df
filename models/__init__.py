"""The domain: records, rules, the log and all SQL. Imports none of our other packages."""

from models.core.tortoise_startup import skip_column_comments

skip_column_comments()  # before the first model is defined
