"""The embedded server: the tasks API of the contract, on loopback, with its own agents."""
