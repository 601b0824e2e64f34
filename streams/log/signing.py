"""Ed25519 signatures of anchors. The library is loaded only where a key or a signature is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HOW_TO_MAKE = "make one with `openssl genpkey -algorithm ed25519`"
NOT_INSTALLED = "signatures need the package cryptography: pip install cryptography"


class Signer:
    """Signs with the private key of a PEM file."""

    def __init__(self, path: Path) -> None:
        self._key = private_key(path)
        self.public_hex = self._key.public_key().public_bytes_raw().hex()

    def sign(self, digest: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._key.sign(digest)


class Verifier:
    """Demands that anchors are signed with one public key."""

    def __init__(self, path: Path) -> None:
        self.public_hex = public_key_hex(path)

    def fault(self, entry: Mapping[str, Any]) -> str | None:
        """Why an anchor is not signed with the key, None when it is."""
        if "signature" not in entry:
            return "the anchor is not signed"
        if entry["key"] != self.public_hex:
            return f"the anchor is signed with another key, {entry['key']}"
        return signature_fault(entry)


def signature_fault(entry: Mapping[str, Any]) -> str | None:
    """Why an anchor's signature does not fit the key beside it, None when it does."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise InputError(NOT_INSTALLED) from error
    try:
        key = Ed25519PublicKey.from_public_bytes(strict_hex(entry["key"]))
        key.verify(strict_hex(entry["signature"]), strict_hex(entry["digest"]))
    except (InvalidSignature, ValueError, TypeError):
        return "the anchor's signature does not fit its key"
    return None


def strict_hex(text: str) -> bytes:
    """Bytes of lower-case hex; ValueError for any other way to write them."""
    raw = bytes.fromhex(text)
    if raw.hex() != text:
        raise ValueError(text)
    return raw


def private_key(path: Path) -> Ed25519PrivateKey:
    """The private key of a PEM file; InputError when it holds none."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError as error:
        raise InputError(NOT_INSTALLED) from error
    try:
        key = load_pem_private_key(key_bytes(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path}: not a private key in PEM ({HOW_TO_MAKE})") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path}: not an Ed25519 key; {HOW_TO_MAKE}")
    return key


def public_key_hex(path: Path) -> str:
    """The public key of a PEM file (`openssl pkey -in KEY -pubout`), 32 bytes in hex."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError as error:
        raise InputError(NOT_INSTALLED) from error
    try:
        key = load_pem_public_key(key_bytes(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(
            f"{path}: not a public key in PEM; make it with `openssl pkey -in KEY -pubout`"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{path}: not an Ed25519 key; {HOW_TO_MAKE}")
    return key.public_bytes_raw().hex()


def key_bytes(path: Path) -> bytes:
    """A key file's bytes; NotFoundError when there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"{path}: no key file here; {HOW_TO_MAKE}") from None
