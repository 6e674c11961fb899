"""The RSA key pair that signs access tokens, made at the first start."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from andon.kit.errors import StartError

FILE_NAME = "access-token.pem"
KEY_BITS = 2048


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """`key_id` goes into the header of each token, so that keys can be changed later."""

    private: rsa.RSAPrivateKey
    public: rsa.RSAPublicKey
    key_id: str

    @property
    def public_pem(self) -> str:
        """The public half as text."""
        encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return self.public.public_bytes(encoding, form).decode()

    @classmethod
    def of(cls, private: rsa.RSAPrivateKey) -> SigningKeys:
        """The pair of a private key."""
        public = private.public_key()
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return cls(private, public, hashlib.sha256(der).hexdigest()[:16])

    @classmethod
    def generate(cls) -> SigningKeys:
        """A new pair."""
        return cls.of(rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS))


def read_public(pem: str) -> rsa.RSAPublicKey:
    """A public key as `public_pem` wrote it. ValueError when it is no RSA key."""
    public = serialization.load_pem_public_key(pem.encode())
    if not isinstance(public, rsa.RSAPublicKey):
        raise ValueError("this is not an RSA key")
    return public


def load_or_create_keys(data_dir: Path) -> SigningKeys:
    """The pair in `<data_dir>/keys`, made when there is none; only its owner may read it (0600).

    Raises StartError when the file cannot be read or written, or is no RSA key.
    """
    path = data_dir / "keys" / FILE_NAME
    try:
        if path.exists():
            return _load(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        keys = SigningKeys.generate()
        _write(path, keys.private)
    except OSError as error:
        raise StartError(f"the key {path} cannot be used: {error.strerror}", cure="correct its permissions") from error
    return keys


def _load(path: Path) -> SigningKeys:
    cure = "restore it from a backup, or remove it: a new one is made and everybody signs in again"
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise StartError(f"{path} does not hold a private key", cure=cure) from error
    if not isinstance(private, rsa.RSAPrivateKey):
        raise StartError(f"{path} does not hold an RSA key", cure=cure)
    path.chmod(0o600)
    return SigningKeys.of(private)


def _write(path: Path, private: rsa.RSAPrivateKey) -> None:
    """Complete or not at all: a crash half way must not leave a broken key behind."""
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
