"""Labels of kept rounds by people: what is sampled, shown and kept, and as a table."""
