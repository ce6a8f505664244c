"""The pictures of the book that take more than a few lines: a module a chapter, a function a figure.

A function takes what the notebook computed and draws it; it computes nothing that a sentence leans on.
"""
