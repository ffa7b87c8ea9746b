"""The flow pictures: who entered a scenario, who left, and why."""

from dataclasses import dataclass

from report.cells import SERIES_TAKEN, cell_key, members_step
from report.relations import Built
from report.suppression import Counts, Key


@dataclass(frozen=True)
class Step:
    """What remains, and before it who left."""

    label: str
    counted: str
    remaining: Key
    left: Key | None = None
    why: str = ""


@dataclass(frozen=True)
class Flow:
    """The steps of one picture, in order."""

    title: str
    relation: str
    steps: tuple[Step, ...]


def share_of_first(counts: Counts, flow: Flow, step: Step) -> float | None:
    """Return how much of the first step remains, 0 to 1; None where that is not shown."""
    first, here = (counts.shown(key).least for key in (flow.steps[0].remaining, step.remaining))
    return min(here / first, 1.0) if first else None


# How the steps of cohort_attrition read in a picture, and why those left who do not fulfil them.
COHORT_STEPS = {
    "primary lung cancer": ("with primary lung cancer", ""),
    "18 or older at the first diagnosis": ("18 or older at the first diagnosis", "younger, or of unknown age"),
    "first diagnosis in the diagnosis period": ("first diagnosed in the period", "first diagnosed outside the period"),
    "in the cohort (that of ATLAS, where one is named)": (
        "in the cohort",
        "not in the cohort of ATLAS, if one is named",
    ),
    "all": ("in all", ""),
    "linked to a person": ("linked to a person", "of no known person"),
    "of the cohort": ("of the cohort", "of persons outside the cohort"),
    "in the imaging period": ("in the imaging period", "made outside the imaging period, or undated"),
    "of a modality and region that some image scope names": ("of a known scope", "of another modality or region"),
    "in the image scope": ("in the image scope", "of a scope that was not asked for"),
}


def cohort_flows(built: Built, counts: Counts) -> list[Flow]:
    """The cohort's persons, then the studies that the scenarios count."""
    flows = []
    for counted, title in (("persons", "Who is in the cohort"), ("studies", "Which studies the scenarios count")):
        steps = []
        for row in built["cohort_attrition"]:
            if row["counted"] == counted:
                left = cell_key("cohort_attrition", "left", row["step_number"])
                label, why = COHORT_STEPS.get(row["step"], (row["step"], "for whom that is not so"))
                steps.append(
                    Step(
                        label=label,
                        counted=counted,
                        remaining=cell_key("cohort_attrition", "remaining", row["step_number"]),
                        left=left if left in counts else None,
                        why=why,
                    )
                )
        if steps:
            flows.append(Flow(title, "cohort_attrition", tuple(steps)))
    return flows


def scenario_1_flow(built: Built, counts: Counts) -> Flow | None:
    """From the cohort to the patients treated with osimertinib."""
    step = members_step(built)
    if step is None or ("scenario_1", "treated") not in counts:
        return None
    left = ("scenario_1", "left", "treated")
    return Flow(
        "Who is compared",
        "scenario_1",
        (
            Step("in the cohort", "persons", cell_key("cohort_attrition", "remaining", step)),
            Step(
                "treated with osimertinib",
                "persons",
                ("scenario_1", "treated"),
                left if left in counts else None,
                "never treated with osimertinib",
            ),
        ),
    )


def scenario_2_flows(built: Built, counts: Counts) -> list[Flow]:
    """From the ground-glass nodules to those with a solid part, by the images taken."""
    flows = []
    for row in built["scenario_2"]:
        images = row["images"]
        left = cell_key("scenario_2", "left", images)
        flows.append(
            Flow(
                f"Which nodules have a solid part: {images}",
                "scenario_2",
                (
                    Step("of ground glass", "nodules", cell_key("scenario_2", "ground_glass_nodules", images)),
                    Step(
                        "with a solid part",
                        "nodules",
                        cell_key("scenario_2", "with_solid_part", images),
                        left if left in counts else None,
                        "no annotated solid part is theirs",
                    ),
                ),
            )
        )
    return flows


def scenario_3_flow(built: Built, counts: Counts) -> Flow | None:
    """From the CT series of the cohort to those of low dose with more than 150 instances."""
    names = ("series", "without")
    if cell_key("scenario_3", "ct", *names) not in counts:
        return None
    steps = [Step("of CT, localizers left out", "series", cell_key("scenario_3", "ct", *names))]
    for column, label, why in (
        ("low_dose", "of low dose", "nothing says low dose"),
        ("over_150_instances", "of more than 150 instances", "150 instances or fewer"),
    ):
        left = cell_key("scenario_3", "left", column, *names)
        remaining = cell_key("scenario_3", column, *names)
        steps.append(Step(label, "series", remaining, left if left in counts else None, why))
    return Flow("Which series remain", "scenario_3", tuple(steps))


def scenario_4_flow(built: Built, counts: Counts) -> Flow | None:
    """From the MR series of the cohort to thin enhanced T1-weighted ones of younger patients."""
    _, enhanced, thin, _ = SERIES_TAKEN
    if cell_key("scenario_4", "series", "MR", "any") not in counts:
        return None
    steps = [Step("of MR", "series", cell_key("scenario_4", "series", "MR", "any"))]
    for taken, age, label, why in (
        (enhanced, "any", ", T1-weighted and enhanced", "another weighting, or no contrast agent"),
        (thin, "any", "with slices of at most 1 mm", "thicker slices, or no thickness stated"),
        (thin, "at most 60", "of patients diagnosed at 60 or younger", "older at the diagnosis"),
    ):
        left = cell_key("scenario_4", "left", taken, age)
        remaining = cell_key("scenario_4", "series", taken, age)
        if remaining in counts:
            steps.append(Step(label, "series", remaining, left if left in counts else None, why))
    return Flow("Which series remain", "scenario_4", tuple(steps))
