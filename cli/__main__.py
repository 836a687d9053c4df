"""`python -m cli` is the command `ticketwire`."""

from cli.main import main

main()
