"""The domain: records, rules, the log and all SQL. Imports none of our other packages."""
