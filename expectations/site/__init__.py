"""The static site of `python -m expectations report`: pages, charts and the look that all HTML pages share.

Nothing here imports Feast or Great Expectations, so that training can draw its model pages with it.
"""
