"""`python -m extproc` is `tiermesh`."""

from extproc.cli import main

raise SystemExit(main())
