"""Tables made of what was run, and comparisons of them. Fetches nothing, draws nothing."""
