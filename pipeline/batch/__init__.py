"""Many studies, each in a supervised process."""
