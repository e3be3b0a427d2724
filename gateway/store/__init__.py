"""The store: one schema, two engines, a small set of named operations."""
