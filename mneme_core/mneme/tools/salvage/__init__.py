"""Recovering what can be read of a damaged cache file: `mneme doctor PATH --salvage NEW_PATH`."""

from mneme.tools.salvage.recover import Recovered, salvage

__all__ = ["Recovered", "salvage"]
