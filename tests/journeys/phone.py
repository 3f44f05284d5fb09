"""The authenticator app on somebody's phone: it sees a QR code with its camera and shows six digits."""

import base64
import time
from dataclasses import dataclass
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import zxingcpp
from PIL import Image
from playwright.sync_api import Page

from twofactor import totp
from twofactor.limits import STEP_SECONDS


@dataclass
class Phone:
    """One account in an app. `last` is the newest step whose code it has shown."""

    secret: bytes
    account: str
    issuer: str
    last: int = -1

    @classmethod
    def scan(cls, page: Page) -> "Phone":
        """Return what a camera makes of the picture that is on the screen, not of the text beside it."""
        (code,) = zxingcpp.read_barcodes(Image.open(BytesIO(page.screenshot())))
        found = urlsplit(code.text)
        assert (found.scheme, found.netloc) == ("otpauth", "totp")
        asked = {name: values[0] for name, values in parse_qs(found.query).items()}
        assert (asked["algorithm"], asked["digits"], asked["period"]) == ("SHA1", "6", str(STEP_SECONDS))
        issuer, _, account = found.path.removeprefix("/").partition("%3A")
        assert issuer == asked["issuer"]
        return cls(base64.b32decode(asked["secret"]), account, issuer)

    def fresh(self) -> str:
        """Return a code that was not shown before, waiting for the next step where one must."""
        while totp.step_now() + 1 <= self.last:
            time.sleep(0.2)  # the clock of a running server is nobody's to move
        self.last = max(totp.step_now(), self.last + 1)
        return totp.code_at(self.secret, self.last)

    def again(self) -> str:
        """Return the code that was shown last."""
        return totp.code_at(self.secret, self.last)

    def wrong(self) -> str:
        """Return six digits that are no code of the next or last quarter of an hour."""
        near = {totp.code_at(self.secret, totp.step_now() + steps) for steps in range(-30, 31)}
        return next(digits for digits in (f"{number:06d}" for number in range(100)) if digits not in near)
