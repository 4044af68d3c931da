"""`python -m mix2fld_np` is `mix2fld`."""

import sys

from mix2fld_np.cli import main

if __name__ == "__main__":
    sys.exit(main())
