"""The sync driver, by subject. Every rule is the engine's; this fetches, asks and does what it says."""
