"""`python -m cli` is the command `ticketwire`."""

import gc

gc.disable()  # during imports, nearly all new objects stay

from cli.main import main  # noqa: E402

gc.enable()
main()
