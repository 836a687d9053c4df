"""What is true: records, rules and the log. Imports Tortoise and nothing of ours."""
