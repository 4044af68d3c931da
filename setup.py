"""Packaging of mix2fld_np: `pip install -e .` gives the console command `mix2fld`."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
CITATION = (HERE / "CITATION.cff").read_text(encoding="utf-8")
ADDRESS = "".join(re.findall(r'repository-code: "(.+)"', CITATION))  # lessons/links.py writes it; "" where it has not
EMAIL = "".join(re.findall(r'email: "(.+)"', CITATION))  # of whoever publishes, if they wish to be written to
VERSION = re.search(
    r'__version__ = "(.+?)"', (HERE / "mix2fld_np" / "__init__.py").read_text(encoding="utf-8")
).group(1)
PAGES = {"Source": "", "Issues": "/issues", "Changelog": "/blob/main/CHANGELOG.md"}  # below the public address
NOTEBOOKS = ["nbclient>=0.10", "nbformat>=5.9", "ipykernel>=6.25"]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def described() -> str:
    """The README as a package index shows it: relative links lead to the public repository, or are mere words."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    return re.sub(r"(!?)\[([^\]]*)\]\((?!https?://)([^)]+)\)", absolute if ADDRESS else in_words, text)


def absolute(link: re.Match) -> str:
    """A link or a picture at the public address."""
    folder = "" if link[3].startswith("#") else "/raw/main/" if link[1] else "/blob/main/"
    return f"{link[1]}[{link[2]}]({ADDRESS}{folder}{link[3]})"


def in_words(link: re.Match) -> str:
    """What is left of a link that leads nowhere: its words, of a picture nothing."""
    return "" if link[1] else link[2]


setup(
    name="mix2fld_np",
    version=VERSION,
    description="Mix2FLD from scratch in NumPy and Numba: "
    "federated learning, distillation and Mixup over fading channels",
    long_description=described(),
    long_description_content_type="text/markdown",
    license_expression="MIT",
    license_files=["LICENSE"],
    author="The mix2fld_np authors",
    author_email=EMAIL or None,
    url=ADDRESS or None,
    project_urls={
        "The letter": "https://arxiv.org/abs/2006.09801",
        **({name: ADDRESS + page for name, page in PAGES.items()} if ADDRESS else {}),
    },
    keywords="federated learning, federated distillation, mixup, wireless, fading channel, numpy, numba, education",
    classifiers=[
        "Development Status :: 5 - Production/Stable",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        *(f"Programming Language :: Python :: {version}" for version in ("3", *PYTHONS)),
        "Topic :: Education",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    packages=find_packages(include=["mix2fld_np", "mix2fld_np.*"]),
    package_data={"mix2fld_np": ["py.typed"], "mix2fld_np.web": ["page/*", "page/core/*"]},
    install_requires=["numpy>=1.26", "numba>=0.59", "matplotlib>=3.8", "tqdm>=4.66"],
    extras_require={
        "test": ["pytest>=8", "hypothesis>=6.100", *NOTEBOOKS],
        "lessons": ["jupyterlab>=4", *NOTEBOOKS],
        "dask": ["distributed>=2024.1"],
        "completion": ["shtab>=1.9"],
        "site": ["mistune>=3", "latex2mathml>=3.77", "pygments>=2.15", "pdoc>=14"],
    },
    entry_points={"console_scripts": ["mix2fld=mix2fld_np.cli:main"]},
)
