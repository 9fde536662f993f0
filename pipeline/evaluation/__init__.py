"""Judging models on the same later rows, and deciding by that evidence which one scores."""
