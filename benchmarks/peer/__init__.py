"""Other caches, each behind one small interface and in an environment of its own."""
