"""What sign-in has to say when it refuses."""

from __future__ import annotations

from andon.kit.errors import AndonError

SIGN_IN = "sign in with POST /api/v1/auth/login and send its accessToken as `Authorization: Bearer <token>`"


class TooManyAttemptsError(AndonError):
    """Too many failed sign-ins: wait."""

    status = 429
