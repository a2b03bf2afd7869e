"""Pins: what a file was when it first came, so that another one under its name is noticed.

Neither Common Crawl nor most servers publish a checksum of each file. So the first
download of an address is hashed and what was found is kept below the output, one small
file an address, created once and never changed. Whoever downloads it again compares.
"""

from gristmill.schemas.atomic_files import create_once
from gristmill.schemas.errors import InputError
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.places import Place, show_place
from gristmill.schemas.yaml_files import Frozen

PINS_FOLDER = "pins"


class Pin(Frozen):
    """What was found at an address; `identity` is what its server said of it, if anything."""

    address: str  # without user, password and query
    bytes: int
    sha256: str
    identity: str | None = None


class Pins:
    """The pins of one output."""

    def __init__(self, folder: Place) -> None:
        """Look at the pins in a folder, on a disk or in a store.

        Args:
            folder: where they lie; made when the first is.
        """
        self._folder = folder

    def find_pin(self, address: str) -> Pin | None:
        """What is pinned for an address; None before its first download."""
        try:
            return Pin.model_validate_json(self._place(address).read_bytes())
        except FileNotFoundError:
            return None

    def keep_pin(self, address: str, size: int, sha256: str, identity: str | None) -> Pin:
        """Pin what came from an address, or compare it with what came the first time.

        Returns:
            What is pinned.

        Raises:
            InputError: something else came the first time.
        """
        pin = Pin(address=show_place(address), bytes=size, sha256=sha256, identity=identity)
        place = self._place(address)
        if create_once(place, pin.model_dump_json(indent=1).encode("utf-8")):
            return pin
        pinned = self.find_pin(address)
        if pinned is not None and pinned.sha256 != sha256:
            raise InputError(
                f"{pin.address} has changed: its sha256 is {sha256} ({size} bytes), but was "
                f"{pinned.sha256} ({pinned.bytes} bytes) when it first came; to take the new file "
                f"delete {place}"
            )
        return pinned or pin

    def _place(self, address: str) -> Place:
        return self._folder / f"{hash_parts('pin', address).hex()}.json"
