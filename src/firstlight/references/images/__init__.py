"""Simple models on small images."""
