"""What configs/ says, checked and as records."""
