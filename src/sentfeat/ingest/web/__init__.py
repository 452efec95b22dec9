"""What one honest request to somebody else's server takes: a pace, a bounded read, a memory of the last answer."""
