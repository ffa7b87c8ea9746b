"""Which studies and series a synthetic patient has, before anything has an identity or a record in the CDM.

The first ``DETAILED`` patients have series of a dozen slices and more, in which viewers and tests find something to
see; those after them have the same protocols cut to a few tiny slices, so that hundreds of them stay a small archive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from random import Random
from typing import Literal

from extract.synthetic import protocols
from extract.synthetic.protocols import Protocol, Scanner, Wording

StudyKind = Literal[
    "CHEST_XRAY",
    "LOW_DOSE_CT",
    "ENHANCED_CT",
    "FOLLOW_UP_CT",
    "CHEST_ABDOMEN_CT",
    "BRAIN_MR",
    "PET_CT",
    "ULTRASOUND",
    "MAMMOGRAPHY",
    "RESULTS",
]

#: Patients up to this number have series of full length.
DETAILED = 24

#: One planned study: kind, date, description, series and the machine.
Plan = tuple[StudyKind, date, str, list[Protocol], Scanner]


def _detailed_plan(number: int, rng: Random, diagnosis: date, say: Wording) -> list[Plan]:
    """The studies of one of the first patients in order of date."""
    ct = rng.choice(protocols.CT_SCANNERS[:4]) if diagnosis.year < 2018 else protocols.CT_SCANNERS[4]
    kind: Literal["CR", "DX"] = "CR" if number % 2 or number == 2 else "DX"
    xray = rng.choice(protocols.CR_SCANNERS if kind == "CR" else protocols.DX_SCANNERS)

    def day(offset: int) -> date:
        return diagnosis + timedelta(days=offset + rng.randrange(0, 4))

    plan: list[Plan] = []
    radiograph_date = date(2012, 3, 4) if number == 5 else day(-24)
    chest = say("CHEST PA AND LATERAL", "흉부 단순촬영")
    plan.append(("CHEST_XRAY", radiograph_date, chest, protocols.chest_radiographs(rng, kind, say), xray))
    if number % 2:
        low = protocols.low_dose_ct(rng, ct, say)
        plan.append(("LOW_DOSE_CT", day(-12), say("LOW DOSE CHEST CT", "저선량 흉부 CT"), low, ct))
    # The annotated patients get the finer matrix, so that the lesion covers more than a few pixels.
    enhanced = protocols.enhanced_ct(rng, ct, say, size=64 if number in (1, 3) else 32)
    plan.append(("ENHANCED_CT", day(-3), say("CHEST CT (ENHANCE)", "흉부 CT 조영증강"), enhanced, ct))
    if number % 8 == 3:
        brain = protocols.enhanced_brain_mr(rng)
        plan.append(("BRAIN_MR", day(8), "BRAIN MR METASTASIS WORK-UP", brain, protocols.ENHANCED_MR_SCANNER))
    elif number % 3:
        mr = rng.choice(protocols.MR_SCANNERS)
        brain = protocols.brain_mr(rng, mr, say, black_blood=rng.random() < 0.5)
        plan.append(("BRAIN_MR", day(8), say("BRAIN MR ENHANCE", "뇌 MR 조영증강"), brain, mr))
    if number in (3, 14):
        pet = rng.choice(protocols.PET_SCANNERS)
        plan.append(("PET_CT", day(14), "PET-CT WHOLE BODY FDG", protocols.pet_ct(rng, pet, say), pet))
    if number == 2:
        us, mg = protocols.US_SCANNER, protocols.MG_SCANNER
        plan.append(("ULTRASOUND", day(18), "US THORAX", protocols.thoracic_ultrasound(say), us))
        plan.append(("MAMMOGRAPHY", day(-200), "MAMMOGRAPHY BOTH", protocols.screening_mammography(), mg))
    for visit in range(rng.randrange(0, 4)):
        series = protocols.follow_up_ct(rng, ct, say, contrast=rng.random() < 0.6)
        plan.append(("FOLLOW_UP_CT", day(90 * (visit + 1)), say("CHEST CT FOLLOW UP", "흉부 CT 추적"), series, ct))
    return plan


# Width and height of the images of the many patients: few bytes, and pixels of a size that scanners have.
_PIXELS = 32
#: Instances of the thin axial series of these patients' low-dose CT: about the 150 of the paper's scenario 3.
_LONG_SERIES: Mapping[int, int] = {61: 150, 63: 151, 65: 160, 67: 170, 69: 212}
#: Frames of the one instance that is these patients' whole low-dose CT.
_ENHANCED_CT_FRAMES: Mapping[int, int] = {71: 150, 73: 151, 75: 180}
#: Slice thickness of the thin enhanced T1 of these patients, in mm: to either side of what rounds to 1 mm.
_THIN_AS_WRITTEN: Mapping[int, float] = {55: 1.004, 56: 0.996, 59: 0.994, 62: 1.006}


def _few(rng: Random, series: list[Protocol], most: int) -> list[Protocol]:
    """The series with one to ``most`` small instances."""
    return [one.resized(min(one.instances, rng.randrange(1, most + 1)), _PIXELS) for one in series]


def _small_low_dose(number: int, rng: Random, scanner: Scanner, say: Wording) -> list[Protocol]:
    """A low-dose CT whose scout bears the protocol's name too, as scouts do."""
    made = protocols.low_dose_ct(rng, scanner, say)
    small = [made[0].resized(2, _PIXELS).having(ProtocolName="CHEST LOW DOSE"), *_few(rng, made[1:], 3)]
    if number in _LONG_SERIES:
        small[1] = made[1].resized(_LONG_SERIES[number], _PIXELS)
    if number in _ENHANCED_CT_FRAMES:
        small = [protocols.enhanced_low_dose_ct(made[1].resized(1, _PIXELS), _ENHANCED_CT_FRAMES[number])]
    return small


def _small_brain(number: int, rng: Random, scanner: Scanner, say: Wording) -> list[Protocol]:
    made = _few(rng, protocols.brain_mr(rng, scanner, say, black_blood=rng.random() < 0.5), 2)
    if number in _THIN_AS_WRITTEN:
        thin = next(at for at, one in enumerate(made) if one.attributes["MRAcquisitionType"] == "3D")
        made[thin] = made[thin].having(SliceThickness=_THIN_AS_WRITTEN[number])
    return made


def _small_plan(number: int, rng: Random, diagnosis: date, say: Wording) -> list[Plan]:
    """The studies of one of the many patients: those under osimertinib (every third) are looked at more often."""
    ct = protocols.CT_SCANNERS[number % 4 if diagnosis.year < 2018 else 4]
    kind: Literal["CR", "DX"] = "CR" if number % 2 else "DX"
    xray = rng.choice(protocols.CR_SCANNERS if kind == "CR" else protocols.DX_SCANNERS)

    def day(offset: int) -> date:
        return diagnosis + timedelta(days=offset + rng.randrange(0, 4))

    views = [view.resized(1, _PIXELS) for view in protocols.chest_radiographs(rng, kind, say)]
    plan: list[Plan] = [("CHEST_XRAY", day(-24), say("CHEST PA AND LATERAL", "흉부 단순촬영"), views, xray)]
    if number % 2:
        low = _small_low_dose(number, rng, ct, say)
        plan.append(("LOW_DOSE_CT", day(-12), say("LOW DOSE CHEST CT", "저선량 흉부 CT"), low, ct))
    if number % 5:
        enhanced = _few(rng, protocols.enhanced_ct(rng, ct, say), 3)
        plan.append(("ENHANCED_CT", day(-3), say("CHEST CT (ENHANCE)", "흉부 CT 조영증강"), enhanced, ct))
    if number % 3 or number in _THIN_AS_WRITTEN:
        mr = rng.choice(protocols.MR_SCANNERS)
        plan.append(
            ("BRAIN_MR", day(8), say("BRAIN MR ENHANCE", "뇌 MR 조영증강"), _small_brain(number, rng, mr, say), mr)
        )
    if number == 28:
        both = _few(rng, protocols.chest_abdomen_ct(rng, ct, say), 2)
        plan.append(("CHEST_ABDOMEN_CT", day(30), say("CHEST AND ABDOMEN CT", "흉복부 CT"), both, ct))
    if number == 29:
        # One order, two studies of one day: the camera sends its CT apart.
        pet, on = protocols.PET_SCANNERS[0], day(14)
        for one in _few(rng, protocols.pet_ct(rng, pet, say), 2):
            plan.append(("PET_CT", on, "PET-CT WHOLE BODY FDG", [one], pet))
    for visit in range(rng.randrange(0, 8 if number % 3 == 1 else 3)):
        series = _few(rng, protocols.follow_up_ct(rng, ct, say, contrast=rng.random() < 0.6), 2)
        plan.append(("FOLLOW_UP_CT", day(75 * (visit + 1)), say("CHEST CT FOLLOW UP", "흉부 CT 추적"), series, ct))
    return plan


def study_plan(number: int, rng: Random, diagnosis: date, say: Wording) -> list[Plan]:
    """The patient's studies in order of date."""
    made = (_detailed_plan if number <= DETAILED else _small_plan)(number, rng, diagnosis, say)
    return sorted(made, key=lambda item: (item[1], item[0]))


def _disputed(protocol: Protocol, keyword: str, other: str | float, count: int) -> Protocol:
    """The series with another value of an attribute in its last ``count`` instances."""
    usual = protocol.attributes[keyword]
    return protocol.differing(**{keyword: (usual,) * (protocol.instances - count) + (other,) * count})


#: Changes to the enhanced CT's first axial series (its second series), by patient.
_SERIES_QUIRKS: Mapping[int, Callable[[Protocol], Protocol]] = {
    7: lambda protocol: protocol.having(PatientPosition=None, SeriesDescription=None),
    9: lambda protocol: _disputed(protocol, "SliceThickness", 5.0, 2),
    10: lambda protocol: _disputed(protocol, "BodyPartExamined", "ABDOMEN", 3),
    15: lambda protocol: _disputed(
        protocol.cut_to_even(), "ConvolutionKernel", "SYNTHETIC OTHER", protocol.instances // 2
    ),
}


def _with_windows(number: int, protocol: Protocol) -> Protocol:
    """Windows as archives have them: one per slice, two per image, or one per series."""
    if number % 3 == 1:
        count = protocol.instances
        return protocol.differing(
            WindowCenter=tuple(35 + index % 7 for index in range(count)),
            WindowWidth=tuple(380 + 5 * (index % 9) for index in range(count)),
        )
    if number % 3 == 2:
        return protocol.having(
            WindowCenter=(40, -600), WindowWidth=(400, 1500), WindowCenterWidthExplanation=("MEDIASTINUM", "LUNG")
        )
    return protocol


def quirky(number: int, kind: StudyKind, made: list[Protocol]) -> list[Protocol]:
    """The series of a study with what this patient is there to show."""
    if kind == "LOW_DOSE_CT" and number == 1:
        return [made[0], *(protocol.having(ContrastBolusAgent="NONE") for protocol in made[1:])]
    if kind != "ENHANCED_CT":
        return made
    axial = _with_windows(number, made[1])
    quirk = _SERIES_QUIRKS.get(number)
    made = [made[0], quirk(axial) if quirk else axial, *made[2:]]
    if number == 8:
        # Without a body part nobody can tell whether it is paired, so Laterality (Type 2C) has to be there, empty.
        return [protocol.lacking("BodyPartExamined").having(Laterality=None) for protocol in made]
    return made
