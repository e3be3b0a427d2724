"""Benchmarks: one command a question; figures are ratios within one run."""
