"""Check digits that more than one register uses; `identities` has those of single states."""

from __future__ import annotations


def passes_luhn(digits: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1): every second digit from the right doubled."""
    values = [int(digit) for digit in reversed(digits)]
    doubled = (sum(divmod(2 * value, 10)) for value in values[1::2])
    return bool(values) and any(values) and (sum(values[::2]) + sum(doubled)) % 10 == 0


def passes_mod97(account: str) -> bool:
    """The check of IBANs (ISO 7064 MOD 97-10); `account` is upper-case ASCII without spaces."""
    return int("".join(str(int(char, 36)) for char in account[4:] + account[:4])) % 97 == 1


def passes_ean(digits: str) -> bool:
    """The check digit of bar codes and ISBN-13 (GS1): weights 1 and 3 from the left of thirteen."""
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10 == 0
