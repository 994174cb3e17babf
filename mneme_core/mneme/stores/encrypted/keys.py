"""Keys, and what is made of them: seals, and names in place of entry keys. The only module that does cryptography."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mneme.errors import EncryptionError, InvalidArgumentError
from mneme.stores.base import SEAL_BYTES

_log = logging.getLogger("mneme.store")

Keys: TypeAlias = Callable[[], Sequence[bytes]]
"""() -> keys of 32 bytes: the first seals, every one opens."""

KEY_BYTES: Final = 32
ID_BYTES, NONCE_BYTES = 4, 12
# Of AES-GCM and of AES-SIV: what tells that nothing was changed.
TAG_BYTES = 16
assert ID_BYTES + NONCE_BYTES + TAG_BYTES == SEAL_BYTES

# Seconds between two questions while keys change: a row that was tampered with may ask for any key.
ASK_AGAIN_SECONDS = 5.0
# A key management that is slow, or away, is waited for this part of the time at most.
ASKING_SHARE = 1 / 20


class UnopenedError(Exception):
    """Something was not sealed with a key that is held, or was changed since."""


class NotHeldError(UnopenedError):
    """Something was sealed with a key that is not held."""

    def __init__(self, learnt: int) -> None:
        super().__init__()
        self.learnt = learnt
        """What `Keyring.learnt` was when the key was looked for."""


class Key:
    """One key. A seal is the key's id, a random nonce, and the text under AES-256-GCM, bound to where it belongs."""

    def __init__(self, secret: bytes) -> None:
        self.mark = _derived(secret, b"mneme key id", 16).hex()
        """Tells this key from others, and says nothing of it."""
        self.id = bytes.fromhex(self.mark)[:ID_BYTES]
        self._gcm = AESGCM(_derived(secret, b"mneme fields", 32))
        self._siv = AESSIV(_derived(secret, b"mneme entry keys", 64))

    def seal(self, plain: bytes, bound: bytes) -> bytes:
        """Return `plain` sealed: SEAL_BYTES longer."""
        nonce = os.urandom(NONCE_BYTES)
        return self.id + nonce + self._gcm.encrypt(nonce, plain, bound)

    def open(self, sealed: bytes, bound: bytes) -> bytes:
        """Return what was sealed; raises UnopenedError when it was sealed elsewhere, by another key, or was changed."""
        nonce = sealed[ID_BYTES : ID_BYTES + NONCE_BYTES]
        try:
            return self._gcm.decrypt(nonce, sealed[ID_BYTES + NONCE_BYTES :], bound)
        except (InvalidTag, ValueError):
            raise UnopenedError from None

    def name_of(self, key: bytes) -> bytes:
        """Return the name that stands for an entry key, always the same; without this key it cannot be guessed."""
        return self._siv.encrypt(key, None)

    def key_of(self, name: bytes) -> bytes:
        """Return the entry key that a name stands for; raises UnopenedError for a name of another key's."""
        try:
            return self._siv.decrypt(name, None)
        except (InvalidTag, ValueError):
            raise UnopenedError from None


class Keyring:
    """The keys of one store object. A key once given stays: a cache may hold entries that it sealed."""

    def __init__(self, keys: Keys) -> None:
        if not callable(keys):
            raise InvalidArgumentError(
                "the keys of an EncryptedStore are a function that returns them, such as lambda: [key]; "
                "what was given is not shown."
            )
        self._ask = keys
        self._held: dict[bytes, Key] = {}
        self._current: Key | None = None
        self._next_question = 0.0
        self.learnt = 0
        """How often keys came that were not held before."""

    @property
    def current(self) -> Key:
        """The key that seals."""
        if self._current is None:
            raise EncryptionError("the encrypted store is not open.")
        return self._current

    def others(self, current: Key) -> list[Key]:
        """Return the keys but this one, which seals: those that only open."""
        return [key for key in self._held.values() if key is not current]

    def lacks(self, marks: Iterable[str]) -> list[str]:
        """Return the marks of keys that are not held."""
        return sorted(set(marks) - {key.mark for key in self._held.values()})

    @property
    def marks(self) -> list[str]:
        """Those of all keys that are held."""
        return [key.mark for key in self._held.values()]

    @property
    def may_ask(self) -> bool:
        """Whether the last question is long enough ago."""
        return time.monotonic() >= self._next_question

    def ask_again(self, *, at_once: bool = False) -> None:
        """Ask, unless that was done just now and it need not be at once; without an answer the keys held stay."""
        if not (at_once or self.may_ask):
            return
        began = time.monotonic()
        try:
            self.ask()
        except (EncryptionError, InvalidArgumentError) as error:
            _log.warning("the keys of the store change, and could not be asked for again: %s", error)
        now = time.monotonic()
        self._next_question = now + max(ASK_AGAIN_SECONDS, (now - began) / ASKING_SHARE)

    def ask(self) -> None:
        """Ask for the keys; raises EncryptionError or InvalidArgumentError when none come, or others than keys."""
        try:
            secrets = self._ask()
        except Exception as error:
            raise EncryptionError(f"the keys could not be had: keys() raised {type(error).__name__}.") from error
        keys = [Key(secret) for secret in _checked(secrets)]
        held = self._held | {key.id: key for key in keys if key.id not in self._held}
        if any(held[key.id].mark != key.mark for key in keys):
            raise InvalidArgumentError("two keys have one id, which happens once in 2**32 times. Make another key.")
        more = len(held) > len(self._held)
        self._held, self._current = held, held[keys[0].id]
        self.learnt += more

    def of(self, sealed: bytes) -> Key:
        """Return the key of a seal, asked for where it is not held; raises NotHeldError where it is not to be had."""
        learnt = self.learnt
        key = self._held.get(sealed[:ID_BYTES])
        if key is None:
            if len(sealed) < SEAL_BYTES:
                raise UnopenedError
            self.ask_again()
            key = self._held.get(sealed[:ID_BYTES])
        if key is None:
            raise NotHeldError(learnt)
        return key

    def key_of(self, name: bytes) -> bytes:
        """Return the entry key that a name stands for; raises UnopenedError where no key knows it."""
        for key in self._held.values():
            try:
                return key.key_of(name)
            except UnopenedError:
                continue
        raise UnopenedError


def _derived(secret: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, None, purpose).derive(secret)


def _checked(secrets: Sequence[bytes]) -> list[bytes]:
    """Return the keys, each once; no message shows one."""
    if isinstance(secrets, bytes | bytearray | str) or not isinstance(secrets, Sequence) or not secrets:
        raise InvalidArgumentError(
            "keys() returns a list of keys, [key] where there is one; this was no list, or empty."
        )
    for place, secret in enumerate(secrets):
        if not isinstance(secret, bytes) or len(secret) != KEY_BYTES:
            size = f"{len(secret)} bytes" if isinstance(secret, bytes) else type(secret).__name__
            raise InvalidArgumentError(
                f"key {place} of {len(secrets)} is {size}; a key is {KEY_BYTES} random bytes, such as "
                f"secrets.token_bytes({KEY_BYTES}), never a password."
            )
    return list(dict.fromkeys(secrets))
