"""References for a person's own data: what can be asked of inputs whose meaning is not known."""
