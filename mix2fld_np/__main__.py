"""`python -m mix2fld_np` is `mix2fld`."""

import sys

from mix2fld_np.cli import main

sys.exit(main())
