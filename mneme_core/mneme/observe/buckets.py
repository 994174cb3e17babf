"""Where the histograms of times begin a new bucket, in seconds."""

from typing import Final

# From an exact hit, some microseconds, to an answer that a model took a minute for.
LOOKUP_SECONDS: Final = (
    *(0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005),
    *(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
# As OpenTelemetry's GenAI conventions want them for gen_ai.client.embeddings.duration.
EMBEDDING_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
