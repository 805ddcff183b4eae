"""What is measured on a lesion: numbers with a unit, or the reason why there is none."""
