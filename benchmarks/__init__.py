"""Benchmarks: this project against its peers, in turn, in one run, on the same data.

One module for each, listed in `catalogue.py`. What a benchmark says is a ratio: absolute figures
drift by tens of percent between runs on a shared machine, ratios inside one run do not. Not part of
the distribution; `python -m benchmarks` runs them, and so does `make bench`.
"""
