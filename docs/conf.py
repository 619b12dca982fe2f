"""How Sphinx builds the site: `./dev docs`."""

import os

import click
from sphinx.application import Sphinx

import stillwatch

project = "Stillwatch"
author = "The Stillwatch maintainers"
version = release = stillwatch.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click"]
exclude_patterns = ["_build"]
default_role = "code"

html_theme = "furo"
html_title = f"Stillwatch {version}"
html_show_sourcelink = False

myst_heading_anchors = 4
myst_links_external_new_tab = False
suppress_warnings = ["myst.strikethrough"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the signature shows them; a second list would say them again
napoleon_numpy_docstring = False

nb_execution_mode = os.environ.get("STILLWATCH_NOTEBOOKS", "force")
nb_execution_raise_on_error = True
nb_execution_timeout = 300


def read_outside(_app: Sphinx, _name: str, content: list[str]) -> None:
    """Links to pages that lie above this folder lead to the pages of the site that include them."""
    for above, here in (
        ("../../SECURITY.md", "../security.md"),
        ("../../CONTRIBUTING.md", "../contributing.md"),
    ):
        content[0] = content[0].replace(f"]({above}", f"]({here}")


def escaped(_app: Sphinx, _context: click.Context, lines: list[str]) -> None:
    """Stars of a command's examples are stars, and begin no emphasis."""
    lines[:] = [line.replace("*", "\\*") for line in lines]


def setup(app: Sphinx) -> None:
    """Read pages through `read_outside`, and help through `escaped`."""
    app.connect("source-read", read_outside)
    app.connect("sphinx-click-process-description", escaped)
