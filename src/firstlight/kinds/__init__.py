"""What differs between kinds of data: one file each."""
