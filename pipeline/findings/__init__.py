"""Features into statements a radiologist would make."""
