"""Names of beds: any text for people, an id of plain letters for topics, files and addresses.

    Bed 9     bed-9
    ICU 3/a   icu-3-a
    शय्या ३     xn--... (RFC 3492, so that the text can be read back)

Two names with one id are one bed, whatever their capitals and spaces.
"""

import re
import unicodedata

from teleward_gateway.registry.model import NAME, RegistryError

_FOREIGN = "xn--"
_LONGEST = 64


def bed_id(name: str) -> str:
    """Return the id of the bed ``name``; raises RegistryError where none can be made."""
    if NAME.fullmatch(name):
        return name
    text = unicodedata.normalize("NFKC", name).casefold()
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else "-" for c in text)
    plain = re.sub(r"-+", "-", kept).strip("-")
    if not plain:
        raise RegistryError(f"bed {name!r}: a bed's name needs a letter or a digit")
    made = plain if plain.isascii() else _FOREIGN + plain.encode("punycode").decode()
    if len(made) > _LONGEST:
        raise RegistryError(f"bed {name!r}: this name is too long, shorten it")
    return made


def bed_name(bed: str | None) -> str:
    """Return a bed's name for people: ``bed-07`` is ``Bed 07``."""
    if bed is None:
        return ""
    text = bed
    if bed.startswith(_FOREIGN):
        try:
            text = bed.removeprefix(_FOREIGN).encode().decode("punycode")
        except UnicodeError:  # an id of somebody else's that only looks like one
            text = bed
    words = text.replace("-", " ")
    return words[:1].upper() + words[1:]
