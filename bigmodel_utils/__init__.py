"""Plumbing of the book: what the pages need and do not teach.

Folders have one door each: ``from bigmodel_utils.training import fit``. What begins with an
underscore lies behind it. This package itself imports nothing.
"""

__version__ = "0.10.0"
