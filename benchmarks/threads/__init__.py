"""How a cache behaves when many ask at once: `python -m benchmarks.threads`."""
