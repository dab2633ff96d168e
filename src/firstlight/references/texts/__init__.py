"""Simple models on texts."""
