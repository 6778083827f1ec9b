"""Public architectures for benchmarks/coverage.py, and how each is run and checked."""
