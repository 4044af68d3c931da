"""Peak memory of this process."""

import resource
import sys
from pathlib import Path


def peak_mb() -> float:
    """Most memory (MB) that this process has held.

    The surprise: what `getrusage` tells on Linux starts from the size of the process that started this one;
    the kernel's own page does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
