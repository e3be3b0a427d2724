"""Hooks: their specifications, how plugins are loaded and checked, and how hooks are called."""
