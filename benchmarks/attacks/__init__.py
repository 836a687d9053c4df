"""What somebody could send to slow a server down or break it, and what a bystander notices of it; tests/live runs the same."""
