"""Texts as networks count them: alphabets, segments, and splitting."""
