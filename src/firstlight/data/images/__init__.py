"""Images: decoding, cache, profile, batches."""
