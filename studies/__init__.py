"""The sweeps behind the chapters' tables: one script a question, and the tables that it wrote.

A chapter reads a table by `tables.read`, and makes some of its rows again. `python -m studies.NAME` makes
all of them.
"""
