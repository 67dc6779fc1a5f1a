"""Plumbing of the book: what the pages need and do not teach.

Import the module you need (``from bigmodel_utils.training import fit``); this
package itself imports nothing.
"""

__version__ = "0.4.0"
