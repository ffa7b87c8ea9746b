"""What identifies a patient, in the notations that people type, against words and numbers that must survive."""

# ruff: noqa: RUF001
import random
from pathlib import Path
from typing import Any

import pytest
from made_files import ATTRIBUTES, BESIDE_UIDS, dicom
from pydicom import Dataset
from pydicom.sequence import Sequence

from extract.header import read_header
from extract.identifiers import VALUE_SEED, Identifiers, vocabulary_terms
from extract.masking import Kind, masked, masking

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
PROJECT = Path(__file__).parents[2]
TERMS = vocabulary_terms(PROJECT / VALUE_SEED)
IDENTIFIERS = Identifiers(b"key of the tests", TERMS)


@pytest.mark.parametrize(
    ("kind", "value", "written", "kept"),
    [
        ("name", "Müller^Jörg", "MUELLER, Muller und Mu\u0308ller; joerg", "***, *** und ***; ***"),
        ("name", "Mueller^Nele", "Müller 1", "*** 1"),
        ("name", "O’Brien^J", "OBRIEN O’Brien o brien J. O-Brien-J x", "*** *** ***. *** x"),
        ("name", "Kim-Lee^Min Su^^Dr^PhD", "KIM LEE MINSU, min-su kimlee, PhD", "***, ***, PhD"),
        ("name", "Ng^A", "Ng A, NGA", "***, NGA"),
        ("name", "Syn^Tetica^Quinta", "tetica syn; SYN, TETICA", "***; ***"),
        ("name", "One^Testina\\Two^Exempla", "testina exempla two", "*** ***"),
        ("name", "Synthetic", "2SYNTHETIC3 synthetic님 photosynthetic", "2***3 ***님 photosynthetic"),
        ("name", "ﾔﾏﾀﾞ^ﾀﾛｳ", "ヤマダタロウ様", "***様"),
        ("name", "ＳＹＮ^ＴＥＴＩＣＡ", "syn tetica", "***"),
        ("name", "Ёлкина^Анна", "ЕЛКИНА, CT анна", "***, CT ***"),
        ("name", "Παπαδόπουλος^Ίων", "ΠΑΠΑΔΟΠΟΥΛΟΣ CT", "*** CT"),
        ("name", "أحمد^قباني", "احمد قبانى", "*** قبانى"),
        ("name", "שרון^דבורה", "CT שרון", "CT ***"),
        ("name", "สมชาย^ใจดีมาก", "ปอดสมชาย", "ปอด***"),
        ("name", "Chest^Phantomas", "CHEST phantomas", "CHEST ***"),
        ("name", "Synthetic^0042", "b 0042 0.0042 1,0042", "b *** 0.0042 1,0042"),
        ("id", "1234-5678", "12345678 12 345 678 0012345678 123456789", "*** *** *** 123456789"),
        ("id", "00045678912", "45678912", "***"),
        ("id", "SYN-00417", "syn00417 SYN 00417 SYN004170", "*** *** SYN004170"),
        ("id", "A100", "a-100 A1000", "*** A1000"),
        ("id", "9900112^^^SITE", "9900112", "***"),
        ("id", "CHEST", "CHEST", "CHEST"),
        ("id", "1250", "TE 1250 b1250 1250.5", "TE *** b1250 1250.5"),
        ("order id", "CHEST", "CHEST", "CHEST"),
        ("order id", "Brain MRI 2", "Brain MRI 2", "Brain MRI 2"),
        ("order id", "CHEST2", "CHEST2", "CHEST2"),
        ("order id", "RP-4711", "RP4711", "***"),
        ("date", "19470213", "470213 130247 021347 13021947 02131947", "*** *** *** *** ***"),
        ("id", "0012345", "Chest 12345 0012345 1234500 12345.5", "Chest *** *** 1234500 12345.5"),
        ("date", "1947.02.13", "13.2.1947 1947/2/13 13. 2. 1947 2/13/47 47-02-13", "*** *** *** *** ***"),
        ("date", "19470213", "1947년 2월 13일생, 1947年2月13日, 昭和22年2月13日, S22.2.13", "***생, ***, 昭和***, ***"),
        ("date", "19470213", "13 Feb 1947, 13FEB1947, 13. Februar 1947, Feb 13, 1947", "***, ***, ***, Feb ***"),
        ("date", "19470213", "13/02/2490 (Thai)", "*** (Thai)"),
        ("date", "19470213", "2.13 mm, 13.2 kV, 1947 mAs, 120 kVp, 2/13", "2.13 mm, 13.2 kV, 1947 mAs, 120 kVp, 2/13"),
        ("date", "20030201", "1.2.3 3x2x1 1.5mm", "1.2.3 3x2x1 1.5mm"),
        ("telephone", "+82 10-5550-1234", "tel 010 5550 1234", "tel 010 ***"),
        ("telephone", "io@synthetic.example", "IO@synthetic.example", "***"),
        ("address", "12 Elm Street, Springfield^^", "12 elm street; Elm", "***; Elm"),
        ("address", "서울시 강남구 가로 12", "서울시강남구 가로 12 흉부", "*** 흉부"),
    ],
)
def test_what_identifies_is_masked_as_it_is_written_in_text(kind: Kind, value: str, written: str, kept: str) -> None:
    rule = masking(((kind, value),), TERMS)
    assert (masked(rule, written)[0] if rule else written) == kept


def test_text_is_masked_in_every_row_of_the_seed_and_the_words_of_equipment_survive(tmp_path: Path) -> None:
    dataset = dicom(
        PatientName="SIEMENS^TESTPIECE",
        PatientID="12345678",
        Manufacturer="SIEMENS",
        ManufacturerModelName="Testpiece 12345678",
        BodyPartExamined="CHEST TESTPIECE",
        ConvolutionKernel=["B30f", "1234 5678"],
        ImageType=["ORIGINAL", "PRIMARY", "TESTPIECE"],
        SeriesDescription="Siemens QA",
        StudyDate="12345678",
        KVP="120",
    )
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "51185008", "SCT", "Chest of Testpiece"
    dataset.AnatomicRegionSequence = Sequence([item])
    former = Dataset()
    former.ModifiedAttributesSequence = Sequence([Dataset()])
    former.ModifiedAttributesSequence[0].PatientName = "Former^Testina"
    dataset.OriginalAttributesSequence = Sequence([former])
    dataset.StudyDescription = "former, testina"
    person = Dataset()
    person.CodeValue, person.CodingSchemeDesignator, person.CodeMeaning = "7", "99X", "Operata^Io"
    operator = Dataset()
    operator.PersonIdentificationCodeSequence = Sequence([person])
    dataset.OperatorIdentificationSequence = Sequence([operator])
    dataset.ProtocolName = "by operata"
    dataset.save_as(tmp_path / "file", enforce_file_format=False)
    content = (tmp_path / "file").read_bytes().replace(b"\x04\x00120 ", b"\x08\x0012345678")
    (tmp_path / "file").write_bytes(content)
    assert read_header(tmp_path / "file", BESIDE_UIDS, IDENTIFIERS).attributes == {
        "Manufacturer": "SIEMENS",
        "ManufacturerModelName": "*** ***",
        "BodyPartExamined": "CHEST ***",
        "ConvolutionKernel": "B30f\\***",
        "ImageType": "ORIGINAL\\PRIMARY\\***",
        "SeriesDescription": "*** QA",
        "StudyDate": "12345678",
        "KVP": "12345678",
        "AnatomicRegionSequence": "51185008^SCT^Chest of ***",
        "StudyDescription": "***",
        "ProtocolName": "by ***",
    }


def test_none_of_thousands_of_planted_identifiers_is_left(tmp_path: Path) -> None:
    chance = random.Random(2024)
    texts = [a.name for a in ATTRIBUTES.attributes if a.is_text and a.component is None and "[" not in a.name]
    texts = [name for name in texts if name != "AnatomicRegionSequence"]
    syllables = "ba do fi gu ka le mo nu pi ra so ti va xe zu".split()  # noqa: SIM905
    planted = 0
    for number in range(250):
        family, given = ("".join(chance.choices(syllables, k=3)).title() for _ in range(2))
        values: dict[str, Any] = {
            "PatientName": f"{family}^{given}",
            "PatientID": f"{chance.choice(['', 'P', 'SYN-'])}{chance.randrange(10**5, 10**8):08}",
            "OtherPatientIDs": [f"X{chance.randrange(10**4, 10**6)}", f"{chance.randrange(10**6, 10**9)}"],
            "AccessionNumber": f"{chance.choice(['A', ''])}{chance.randrange(10**6, 10**10)}",
            "PatientBirthDate": f"{chance.randrange(1920, 2020)}0{chance.randrange(1, 10)}{chance.randrange(10, 29)}",
            "StudyID": f"ST{chance.randrange(1000, 99999)}",
            "AdmissionID": f"ADM-{chance.randrange(1000, 99999)}",
            "PatientTelephoneNumbers": f"010-{chance.randrange(1000, 9999)}-{chance.randrange(1000, 9999)}",
        }
        dataset = dicom(**values)
        flat = [v for value in values.values() for v in ([value] if isinstance(value, str) else value)]
        secrets = [*(v for v in flat if "^" not in v), family, given, f"{given} {family}"]
        for name in texts:
            setattr(dataset, name, "")
        for at, secret in enumerate(secrets):
            element = dataset[texts[at % len(texts)]]
            before, after = chance.choice([("", ""), ("pre ", " post"), ("T1_", "_2"), ("(", ")")])
            element.VR = "LO"
            element.value = [*([element.value] if element.value else []), f"{before}{secret}{after}"]
            planted += 1
        path = tmp_path / str(number)
        dataset.save_as(path, enforce_file_format=False)
        header = read_header(path, ATTRIBUTES, IDENTIFIERS)
        stored = repr(header).upper()
        assert [secret for secret in secrets if secret.upper() in stored] == []
    assert planted > 2000
