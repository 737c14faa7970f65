"""What the demonstration of QuestDB promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from moorline.cli import facts

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ROWS", "TITLES", "Report"]

ROWS = 10_000
TITLES = {
    "webpki_and_os_roots": "an authority that this machine trusts, beside Mozilla's",
    "pem_file": "a certificate that openssl made, trusted by its file",
    "os_roots": "the authorities of this machine alone, and a name that is not there",
    "unsafe_off": "nobody verified: not by accident, and not in silence",
    "rows": f"{ROWS} rows, and a server that is killed",
    "frame": "a frame, and a value in it that cannot be stored",
}


class Report(facts.Report):
    """The demonstration of QuestDB, as far as it came."""

    standin = (
        "A real QuestDB server. The open-source server speaks no TLS, so a front does "
        "that before it, with certificates that were made for this demonstration. "
        "Where their authority is to be one of this machine's, SSL_CERT_FILE names it, "
        "in this process only."
    )
    titles: ClassVar[Mapping[str, str]] = TITLES
