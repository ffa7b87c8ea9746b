"""What happens to identifiers: keyed hashes for linking, nothing else. In free text they are masked: see `masking`."""

import csv
import hashlib
import hmac
import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from extract.rewrite import Rewrite, rewrite_from

KEY_VARIABLE = "ICDM_HMAC_KEY"
PATIENT_REWRITE_VARIABLE = "ICDM_PATIENT_ID_REWRITE"
ACCESSION_REWRITE_VARIABLE = "ICDM_ACCESSION_REWRITE"
VALUE_SEED = Path("seeds/vocabulary/value_mapping.csv")
MINIMUM_KEY_LENGTH = 16


class IdentifierKeyError(ValueError):
    """No usable key for identifiers; the message says both ways on."""


class StoredUnder(NamedTuple):
    """How identifiers are stored: the mode, and a value that only the same key and rules give."""

    mode: str
    key_check: str | None

    def difference(self, earlier: "StoredUnder") -> str | None:
        """Return what earlier rows were stored under, as far as it differs from this, None where nothing does."""
        if earlier.mode != self.mode:
            return f"--identifiers {earlier.mode}"
        then, now = ([*(stored.key_check or "").split(":"), "", ""][:3] for stored in (earlier, self))
        if then[0] != now[0]:
            return f"another {KEY_VARIABLE}"  # and what the rules were cannot be known
        names = (PATIENT_REWRITE_VARIABLE, ACCESSION_REWRITE_VARIABLE)
        differences = [
            f"{'no' if not old else 'another' if new else 'an'} {name}"
            for name, old, new in zip(names, then[1:], now[1:], strict=True)
            if old != new
        ]
        return " and ".join(differences) or None


@dataclass(frozen=True)
class Identifiers:
    """How PatientID and AccessionNumber are stored: keyed HMAC-SHA256, or in clear where `key` is None.

    A hash cannot be normalised later, so that comes first: Unicode's compatibility form (NFKC: full-width digits, as
    input methods for Korean, Japanese and Chinese write them, are digits), no blanks around, upper case, and then the
    site's rule. What a rule leaves nothing of is no identifier. `terms` are words of the vocabulary in upper case,
    which are never masked, though a patient may be called so.
    """

    key: bytes | None
    terms: frozenset[str] = frozenset()
    patient_rewrite: Rewrite | None = None
    accession_rewrite: Rewrite | None = None

    @property
    def mode(self) -> str:
        return "clear" if self.key is None else "hmac"

    @property
    def stored_under(self) -> StoredUnder:
        return StoredUnder(self.mode, self.key_check)

    @property
    def key_check(self) -> str | None:
        """A value that only the same key and rules give: others would silently unlink every patient.

        Three hashes with colons between them, of the key and of each rule; what is not set is empty, and the colons at
        the end are left out.
        """
        key = "" if self.key is None else self._hash("key_check", "icdm_raw")
        rules = (self.patient_rewrite, self.accession_rewrite)
        checks = [key, *(self._hash("rewrite", str(rule)) if rule else "" for rule in rules)]
        return ":".join(checks).rstrip(":") or None

    def patient_key(self, patient_id: str) -> str | None:
        """Return the stored form of a PatientID (0010,0020), None where it is empty."""
        return self._stored("patient_id", patient_id, self.patient_rewrite)

    def patient_issuer_key(self, patient_id: str, issuer: str) -> str | None:
        """Return the stored form of a PatientID and its IssuerOfPatientID (0010,0021), None where one is empty.

        In clear it is `id^^^issuer`, as HL7 writes an identifier with its assigning authority (data type CX).
        """
        patient_key, issuer = self.patient_key(patient_id), _normalised(issuer)
        if patient_key is None or not issuer:
            return None
        both = f"{patient_key}^^^{issuer}"
        return both if self.key is None else self._hash("patient_issuer", both)

    def accession_key(self, accession_number: str) -> str | None:
        """Return the stored form of an AccessionNumber (0008,0050), None where it is empty."""
        return self._stored("accession_number", accession_number, self.accession_rewrite)

    def annotator_key(self, name: str) -> str | None:
        """Return the hash that stands for a person who annotated, None where the name is empty.

        Never in clear: a reader needs to be told from another one, not to be known. Case, blanks and the separators of
        PN (PS3.5 6.2) do not count.
        """
        words = _normalised(name).replace("^", " ").replace("=", " ").split()
        return self._hash("annotator", " ".join(words)) if words else None

    def _stored(self, kind: str, text: str, rewrite: Rewrite | None) -> str | None:
        normalised = _normalised(text)
        if rewrite:
            normalised = rewrite.apply(normalised).strip()
        if not normalised:
            return None
        return normalised if self.key is None else self._hash(kind, normalised)

    def _hash(self, kind: str, text: str) -> str:
        message = f"{kind}|{text}".encode()
        if self.key is None:
            return hashlib.sha256(message).hexdigest()  # of a rule or an annotator; no patient is hashed without a key
        return hmac.new(self.key, message, hashlib.sha256).hexdigest()


def _normalised(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().upper()


def vocabulary_terms(path: Path) -> frozenset[str]:
    """Return DICOM's defined terms of modality and body part (CT, CHEST and so on) from the seed value_mapping.

    Spellings in other words are masked where they are a name: HERZ and KOPF are body parts and families.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        return frozenset(
            row["source_value"]
            for row in csv.DictReader(file)
            if row["attribute"] in ("Modality", "BodyPartExamined") and row["source"].startswith("DICOM")
        )


def identifiers_from(
    mode: str,
    key: str | None,
    terms: frozenset[str] = frozenset(),
    *,
    patient_rewrite: str | None = None,
    accession_rewrite: str | None = None,
) -> Identifiers:
    """Choose by option and environment: `mode` is hmac or clear, the rest the values of the three variables.

    Raises IdentifierKeyError where hmac is asked for and no usable key is given, RewriteRuleError for a wrong rule.
    """
    rules = (
        rewrite_from(PATIENT_REWRITE_VARIABLE, patient_rewrite),
        rewrite_from(ACCESSION_REWRITE_VARIABLE, accession_rewrite),
    )
    if mode == "clear":
        return Identifiers(None, terms, *rules)
    if not key:
        raise IdentifierKeyError(
            f"no key for the patients' identifiers. Either set {KEY_VARIABLE} to a secret of your site "
            f"({MINIMUM_KEY_LENGTH} characters or more; keep it, every later scan needs the same one), "
            "or give --identifiers clear to store PatientID and AccessionNumber as they are."
        )
    if len(key) < MINIMUM_KEY_LENGTH:
        raise IdentifierKeyError(
            f"{KEY_VARIABLE} has {len(key)} characters; use {MINIMUM_KEY_LENGTH} or more, for example from "
            "`openssl rand -hex 32`."
        )
    return Identifiers(os.fsencode(key), terms, *rules)
