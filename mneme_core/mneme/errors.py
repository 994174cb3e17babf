"""Everything Mneme raises on purpose.

MnemeError
├── InvalidArgumentError (ValueError)   an argument that cannot be used; nothing was changed
├── CacheClosedError                    the cache was used after close()
├── EmbedderMismatchError               the store was filled by another embedding model
├── EmbedderDimensionError              a vector has not the cache's length
├── EncryptionError                     a store is encrypted and these keys do not open it, or it is not encrypted
├── NamespaceQuotaExceededError         a namespace whose quota leaves room for no entry
├── QuantizationError                   vectors cannot be held in the type asked for
├── IndexBackendUnavailableError        the index asked for is not installed
├── CheckpointError                     a checkpoint cannot be written or read
├── PluginError                         a plugin that clashes with another or cannot be used
└── StoreBackendError                   the store failed; the client's error is chained
    ├── CorruptCacheError               the file is damaged or is not a Mneme cache
    ├── SchemaMigrationError            the file was written by a newer version, or could not be upgraded
    └── MultiProcessLockError           another process held the store's lock for longer than the timeout
"""


class MnemeError(Exception):
    """Root of every error that Mneme raises on purpose."""


class InvalidArgumentError(MnemeError, ValueError):
    """An argument that cannot be used; nothing was changed."""


class UnembeddableTextError(InvalidArgumentError):
    """A text that the embedder cannot tell from others; the cache serves it from the exact layer alone."""


class CacheClosedError(MnemeError):
    """The cache was used after close()."""


class EmbedderMismatchError(MnemeError):
    """The store was filled by another embedding model."""


class EmbedderError(MnemeError):
    """The embedder failed: its service, or its weights."""


class EmbedderDimensionError(MnemeError):
    """A vector has not the cache's length."""


class EncryptionError(MnemeError):
    """A store is encrypted and these keys do not open it, or keys were given for one that is not."""


class NamespaceQuotaExceededError(MnemeError):
    """A namespace whose quota leaves room for no entry."""


class QuantizationError(MnemeError):
    """Vectors cannot be held in the type asked for."""


class IndexBackendUnavailableError(MnemeError):
    """The index asked for is not installed."""


class CheckpointError(MnemeError):
    """A checkpoint cannot be written or read."""


class PluginError(MnemeError):
    """A plugin that clashes with another or cannot be used."""


class StoreBackendError(MnemeError):
    """The store failed; the client's error is chained."""


class CorruptCacheError(StoreBackendError):
    """The file is damaged or is not a Mneme cache."""


class SchemaMigrationError(StoreBackendError):
    """The file was written by a newer version, or could not be upgraded."""


class MultiProcessLockError(StoreBackendError):
    """Another process held the store's lock for longer than the timeout."""


def store_error(error: BaseException, store: str) -> MnemeError:
    """Return what a store failed with as an error of Mneme's, with the client's chained."""
    if isinstance(error, MnemeError):
        return error
    named = StoreBackendError(f"the store {store!r} failed: {type(error).__name__}: {error}")
    named.__cause__ = error
    return named
