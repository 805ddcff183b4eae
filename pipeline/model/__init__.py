"""Values that travel between the stages. Import from the modules; nothing is re-exported."""
