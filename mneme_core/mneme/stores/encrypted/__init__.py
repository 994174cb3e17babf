"""Any store, with what it keeps encrypted."""

try:
    import cryptography as _  # noqa: F401  # what is missing is said here, once
except ImportError as error:
    raise ImportError("EncryptedStore needs cryptography: pip install 'mneme-middleware[crypto]'") from error

from mneme.stores.encrypted.keys import Keys
from mneme.stores.encrypted.store import EncryptedStore

__all__ = ["EncryptedStore", "Keys"]
