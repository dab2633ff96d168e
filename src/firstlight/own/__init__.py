"""A person's own model and data: what was given, how it is read, how the model is called."""
