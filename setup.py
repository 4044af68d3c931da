"""Packaging of mix2fld_np: `pip install -e .` gives the console command `mix2fld`."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(
    r'__version__ = "(.+?)"', (HERE / "mix2fld_np" / "__init__.py").read_text(encoding="utf-8")
).group(1)
NOTEBOOKS = ["nbclient>=0.10", "nbformat>=5.9", "ipykernel>=6.25"]

setup(
    name="mix2fld_np",
    version=VERSION,
    description="Mix2FLD from scratch in NumPy and Numba: "
    "federated learning, distillation and Mixup over fading channels",
    long_description=(HERE / "README.md").read_text(encoding="utf-8") if (HERE / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.11",
    packages=find_packages(include=["mix2fld_np", "mix2fld_np.*"]),
    package_data={"mix2fld_np": ["py.typed"], "mix2fld_np.web": ["page/*", "page/core/*"]},
    install_requires=["numpy>=1.26", "numba>=0.59", "matplotlib>=3.8", "tqdm>=4.66"],
    extras_require={
        "test": ["pytest>=8", "hypothesis>=6.100", *NOTEBOOKS],
        "lessons": ["jupyterlab>=4", *NOTEBOOKS],
        "dask": ["distributed>=2024.1"],
        "site": ["mistune>=3", "latex2mathml>=3.77", "pygments>=2.15", "pdoc>=14"],
    },
    entry_points={"console_scripts": ["mix2fld=mix2fld_np.cli:main"]},
)
