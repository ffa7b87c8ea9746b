"""The report: its numbers are those of the models, small ones stay hidden, and a browser draws it at any width."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pydicom
import pytest
import yaml
from browser import browser
from conftest import Site, own_database, query, site_at
from selenium.webdriver import Keys

from extract.cli import main as extract
from extract.connection import connect
from report.__main__ import main as report
from report.page import render
from report.relations import RELATIONS, Built, read
from report.suppression import UNSAID

PROJECT = Path(__file__).parents[2]
MINIMUM = 5
WIDTHS = (360, 1400)
# What every number of the page is by the models: its name on the page, and the number; without the report's code.
NUMBERS = """
select 'archive_summary|' || columns.name, columns.value
from icdm_analysis.archive_summary as summary
cross join lateral (
    values ('patient_ids', summary.patient_ids), ('persons', summary.persons), ('studies', summary.studies),
    ('series', summary.series), ('instances', summary.instances), ('bytes', summary.bytes),
    ('first_study_on', extract(year from summary.first_study_on)),
    ('last_study_on', extract(year from summary.last_study_on))
) as columns (name, value)
union all
select 'table_rows|number_of_rows|' || cdm_table, number_of_rows from icdm_analysis.table_rows
union all
select concat_ws('|', 'table_1', columns.name, cdm_table, concept), columns.value
from icdm_analysis.table_1
cross join lateral (
    values ('records', records), ('records_with_data', records_with_data), ('unique_values', unique_values)
) as columns (name, value)
union all
select 'figure_3a|studies|' || modality, studies from icdm_analysis.figure_3a
union all
select 'figure_3a|series|' || modality, series from icdm_analysis.figure_3a
union all
select 'figure_3b|attributes_of_modality|' || modality, max(attributes_of_modality)
from icdm_analysis.figure_3b group by modality
union all
select 'figure_3b|paper_attributes_of_modality|' || modality, max(paper_attributes_of_modality)
from icdm_analysis.figure_3b group by modality
union all
select concat_ws('|', 'linkage', 'studies', link, outcome, how), studies from icdm_analysis.linkage
union all
select 'cohort_attrition|remaining|' || step_number, remaining from icdm_analysis.cohort_attrition
union all
select 'cohort_attrition|left|' || later.step_number, earlier.remaining - later.remaining
from icdm_analysis.cohort_attrition as later
inner join icdm_analysis.cohort_attrition as earlier
    on later.step_number = earlier.step_number + 1 and later.counted = earlier.counted
union all
select
    concat_ws(
        '|', 'scenario_1', columns.name, counted, hypertension, case when has_hypertension then 'yes' else 'no' end
    ),
    columns.value
from icdm_analysis.scenario_1
cross join lateral (
    values ('patients', patients), ('patients_without_ct', patients_without_ct), ('mean', mean),
    ('standard_deviation', standard_deviation), ('median', median)
) as columns (name, value)
union all
select 'scenario_1|treated', count(*) from icdm_analysis.scenario_1_patients
union all
select 'scenario_1|left|treated', (select count(distinct subject_id) from icdm_analysis.cohort) - count(*)
from icdm_analysis.scenario_1_patients
union all
select concat_ws('|', 'scenario_1_test', columns.name, counted, hypertension), columns.value
from icdm_analysis.scenario_1_test
cross join lateral (
    values ('difference', difference), ('welch_t', welch_t), ('degrees_of_freedom', degrees_of_freedom)
) as columns (name, value)
union all
select concat_ws('|', 'scenario_2', columns.name, images), columns.value
from icdm_analysis.scenario_2
cross join lateral (
    values ('annotated_studies', annotated_studies), ('annotated_patients', annotated_patients),
    ('ground_glass_nodules', ground_glass_nodules), ('ground_glass_patients', ground_glass_patients),
    ('with_solid_part', with_solid_part), ('with_solid_part_patients', with_solid_part_patients),
    ('left', ground_glass_nodules - with_solid_part), ('mean_volume_mm3', mean_volume_mm3),
    ('mean_volume_with_solid_part_mm3', mean_volume_with_solid_part_mm3),
    ('mean_solid_volume_mm3', mean_solid_volume_mm3), ('mean_solid_ratio', mean_solid_ratio),
    ('correlation', correlation), ('solid_nodules', solid_nodules), ('solid_nodule_patients', solid_nodule_patients),
    ('mean_solid_nodule_volume_mm3', mean_solid_nodule_volume_mm3)
) as columns (name, value)
where reader_set like 'all readers%'
union all
select concat_ws('|', 'lesion_over_time', columns.name, changes.measure, changes.period), columns.value
from (
    select measure, period, count(*) as comparisons, count(distinct person_id) as persons,
        count(*) filter (where change > 0) as larger, count(*) filter (where change < 0) as smaller,
        count(*) filter (where change = 0) as unchanged,
        round(percentile_cont(0.5) within group (order by change)::numeric, 1) as median_change
    from (
        select person_id, 'volume' as measure, volume_change_since_first_percent as change,
            1 + (days_since_first > 180)::int + (days_since_first > 365)::int + (days_since_first > 730)::int as period
        from icdm_analysis.lesion_over_time where study_number > 1
        union all
        select person_id, 'long axis', long_axis_change_since_first_percent,
            1 + (days_since_first > 180)::int + (days_since_first > 365)::int + (days_since_first > 730)::int
        from icdm_analysis.lesion_over_time where study_number > 1
    ) as later
    where change is not null and period is not null
    group by measure, period
) as changes
cross join lateral (
    values ('comparisons', comparisons), ('persons', persons), ('larger', larger), ('smaller', smaller),
    ('unchanged', unchanged), ('median_change', median_change)
) as columns (name, value)
union all
select concat_ws('|', 'scenario_3', columns.name, counted, localizers), columns.value
from icdm_analysis.scenario_3
cross join lateral (
    values ('ct', ct), ('low_dose', low_dose), ('over_150_instances', over_150_instances),
    ('over_150_frames', over_150_frames)
) as columns (name, value)
union all
select 'scenario_3|left|low_dose|series|without', count(*) filter (where not is_low_dose)
from icdm_analysis.scenario_3_series where not is_localizer
union all
select 'scenario_3|left|over_150_instances|series|without', count(*) filter (where number_of_instances <= 150)
from icdm_analysis.scenario_3_series where is_low_dose and not is_localizer
union all
select concat_ws('|', 'scenario_4', columns.name, series_taken, age_at_diagnosis), columns.value
from icdm_analysis.scenario_4
cross join lateral (values ('series', series), ('studies', studies), ('patients', patients)) as columns (name, value)
union all
select 'scenario_4|left|enhanced T1|any', count(*) filter (where not is_enhanced_t1)
from icdm_analysis.scenario_4_series
union all
select 'scenario_4|left|enhanced T1, at most 1 mm|any', count(*) filter (where coalesce(slice_thickness_mm > 1, true))
from icdm_analysis.scenario_4_series where is_enhanced_t1
union all
select 'scenario_4|left|enhanced T1, at most 1 mm|at most 60',
    count(*) filter (where coalesce(age_at_diagnosis > 60, true))
from icdm_analysis.scenario_4_series where is_enhanced_t1 and slice_thickness_mm <= 1
union all
select 'low_dose_ct_by_instances|series|' || least(instances_from, 951), sum(series)
from icdm_analysis.low_dose_ct_by_instances group by least(instances_from, 951)
union all
select concat_ws('|', 'enhanced_t1_by_thickness', 'series', case
        when slice_thickness_mm < 1 then 'under 1' when slice_thickness_mm = 1 then '1'
        when slice_thickness_mm <= 3 then 'over 1 to 3' when slice_thickness_mm <= 5 then 'over 3 to 5'
        when slice_thickness_mm > 5 then 'over 5' else 'not stated'
    end, coalesce(age_from::text, '')), sum(series)
from icdm_analysis.enhanced_t1_by_thickness group by 1
union all
select concat_ws('|', 'table_2', columns.name, rule_id), columns.value
from icdm_analysis.table_2
cross join lateral (
    values ('paper_percent', paper_percent), ('paper_errors', paper_errors),
    ('errors', case when checked > 0 then errors end)
) as columns (name, value)
where columns.value is not null
union all
select concat_ws('|', 'dq_thresholds_compared', columns.name, rule_id), columns.value
from icdm_quality.dq_result
cross join lateral (values ('checked', checked), ('failed', failed)) as columns (name, value)
union all
select concat_ws('|', 'dq_thresholds_compared', 'rules', natures.nature, states.status), count(results.rule_id)
from (values ('evidence'), ('invariant')) as natures (nature)
cross join (values ('PASS'), ('FAIL'), ('NOT_APPLICABLE')) as states (status)
left join icdm_quality.dq_result as results on natures.nature = results.nature and states.status = results.status
group by natures.nature, states.status
union all
select 'dq_thresholds_compared|rules_judged', count(*) from icdm_quality.dq_result where status <> 'NOT_APPLICABLE'
union all
select 'dq_thresholds_compared|rules_failing', count(*) from icdm_quality.dq_result where status = 'FAIL'
union all
select concat_ws('|', 'dq_result_history', columns.name, run_id), columns.value
from (
    select run_id, count(*) as rules, count(*) filter (where status = 'FAIL' and nature = 'evidence') as evidence,
        count(*) filter (where status = 'FAIL' and nature = 'invariant') as invariants
    from icdm_quality.dq_result_history group by run_id
) as runs
cross join lateral (
    values ('rules', rules), ('evidence', evidence), ('invariants', invariants)
) as columns (name, value)
union all
select concat_ws('|', 'mapping_coverage', columns.name, attribute), columns.value
from (
    select attribute, count(*) as source_values, count(*) filter (where concept_id = 0) as unmapped_values,
        sum(number_of_series) as series,
        coalesce(sum(number_of_series) filter (where concept_id = 0), 0) as unmapped_series
    from icdm_quality.mapping_coverage group by attribute
) as attributes
cross join lateral (
    values ('source_values', source_values), ('unmapped_values', unmapped_values), ('series', series),
    ('unmapped_series', unmapped_series)
) as columns (name, value)
union all
select 'conflicts|series|' || attribute, count(*) from icdm_quality.conflicts group by attribute
union all
select concat_ws('|', 'rejected_files', 'files', outcome, reason), count(*)
from icdm_quality.rejected_files group by outcome, reason
union all
select 'stg_dicom__extract_runs|' || columns.name, columns.value
from icdm_raw.extract_run
cross join lateral (
    values ('files_seen', files_seen), ('files_read', files_read), ('files_unchanged', files_unchanged),
    ('files_rejected', files_rejected), ('files_ignored', files_ignored)
) as columns (name, value)
"""
PERCENTAGES = """
select concat_ws('|', 'linkage', 'percent_of_studies', link, outcome, how), percent_of_studies
from icdm_analysis.linkage
union all
select concat_ws('|', 'table_1', 'percent_with_data', cdm_table, concept), percent_with_data from icdm_analysis.table_1
union all
select 'dq_thresholds_compared|percent_passed|' || rule_id, percent_passed from icdm_quality.dq_result
union all
select 'table_2|percent|' || rule_id, percent from icdm_analysis.table_2
"""
# A row of scenario_2 and one of what is asked of lesion_over_time, with few patients in some of their groups.
NODULES = {
    "images": "all CT",
    "annotated_studies": 40,
    "annotated_patients": 30,
    "ground_glass_nodules": 20,
    "ground_glass_patients": 18,
    "with_solid_part": 18,
    "with_solid_part_patients": 3,
    "mean_volume_mm3": 800.5,
    "mean_volume_with_solid_part_mm3": 900.5,
    "mean_solid_volume_mm3": 250.5,
    "mean_solid_ratio": 0.3,
    "compared": 18,
    "correlation": 0.9,
    "solid_parts_without_nodule": 0,
    "solid_nodules": 12,
    "solid_nodule_patients": 11,
    "mean_solid_nodule_volume_mm3": 500,
    "solid_nodules_of_patients_without_ground_glass": 11,
}
LESIONS = {
    "measure": "volume",
    "period": 1,
    "comparisons": 12,
    "persons": 12,
    "larger": 8,
    "unchanged": 1,
    "smaller": 3,
    "median_change": 2.5,
}


@dataclass
class Element:
    """A number of the page: its name, its value (None: hidden), and how it stands there."""

    name: str
    value: str | None
    text: str = ""


class Page(HTMLParser):
    """The numbers of a page, its percentages, the texts of its pictures, and its text as a whole."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.cells: list[Element] = []
        self.shares: list[Element] = []
        self.labels: dict[str, list[str]] = {}
        self.text = ""
        self._open: list[Element | None] = []
        self._chart: str | None = None
        self._in_label = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag in ("data", "span"):
            element = None
            if name := known.get("data-cell"):
                element = Element(name, known.get("value"))
                self.cells.append(element)
            elif name := known.get("data-share"):
                element = Element(name, None)
                self.shares.append(element)
            self._open.append(element)
        elif tag == "svg":
            self._chart = known.get("data-chart")
        elif tag == "text":
            self._in_label = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("data", "span"):
            self._open.pop()
        elif tag == "svg":
            self._chart = None
        elif tag == "text":
            self._in_label = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open and self._open[-1] is not None:
            self._open[-1].text += data
        elif self._in_label and self._chart is not None:
            self.labels.setdefault(self._chart, []).append(data)


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, database_environment: dict[str, str], profiles_directory: Path
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("report")
    with own_database("report") as name, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGDATABASE", name)
        with site_at(folder) as site:
            assert extract(["demo-data", str(folder / "cohort"), "--patients", "9"]) == 0
            (folder / "cohort" / "dicom").rename(site.archive)
            shutil.copytree(Path(pydicom.__path__[0]) / "data", site.archive / "pydicom")
            site.scan()
            assert extract(["crosswalk", "person", "--from-omop", "--identifiers", "clear"]) == 0
            site.build()
            yield site


@pytest.fixture(scope="module")
def built(site: Site) -> Built:
    with connect("pytest") as connection:
        return read(connection, "icdm")


@pytest.fixture(scope="module")
def numbers(site: Site) -> dict[str, float]:
    return {name: float(value) for name, value in query(NUMBERS) if value is not None}


@pytest.fixture(scope="module")
def written(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as the command writes it, small counts hidden."""
    path = tmp_path_factory.mktemp("page") / "deep" / "report.html"
    assert report([str(path)]) == 0
    return path


def test_every_number_is_that_of_its_model_and_none_is_missing(built: Built, numbers: dict[str, float]) -> None:
    page = Page(render(built, "icdm", 0))
    shown = {cell.name: cell for cell in page.cells}
    sums = {name for name in shown if re.fullmatch(r"linkage\|studies\|\w+\|(not )?linked", name)}
    for name in sums:
        parts = [value for other, value in numbers.items() if other.startswith(f"{name}|")]
        assert float(shown.pop(name).value or "") == sum(parts)
    assert {name: float(cell.value or "nan") for name, cell in shown.items()} == numbers
    for name, cell in shown.items():
        if name.split("|")[1] not in ("bytes", "first_study_on", "last_study_on", "paper_percent"):
            assert float(cell.text.replace(",", "")) == pytest.approx(float(cell.value or "nan"), abs=0.051), name


def test_every_percentage_is_that_of_its_model(site: Site, built: Built) -> None:
    percentages = {name: None if value is None else float(value) for name, value in query(PERCENTAGES)}
    shares = {share.name: share.text for share in Page(render(built, "icdm", 0)).shares}
    assert percentages.keys() <= shares.keys()
    for name, percent in percentages.items():
        text = shares[name].removesuffix("\N{NO-BREAK SPACE}%")
        if percent is None:
            assert text == "", name
        elif text.startswith(">"):
            assert 99.9 < percent <= 100, name
        else:
            assert float(text.removeprefix("<")) == pytest.approx(percent, abs=0.051), name


def test_small_counts_stand_nowhere_and_what_is_shown_is_true(written: Path, numbers: dict[str, float]) -> None:
    page = Page(written.read_text(encoding="utf-8"))
    kinds = ("figure_3b", "rules", "rules_judged", "rules_failing", "evidence", "invariants", "paper_percent")
    measures = ("standard_deviation", "median", "median_change", "difference", "welch_t", "degrees_of_freedom")
    others = (*kinds, *measures, "correlation", "paper_errors")
    hidden = 0
    for cell in page.cells:
        relation, column = cell.name.split("|")[:2]
        if relation in kinds or column in others or column.startswith("mean"):
            continue
        if cell.value is not None:
            assert not 0 < float(cell.value) < MINIMUM, cell.name
            assert float(cell.value) == numbers.get(cell.name, float(cell.value))
            continue
        hidden += 1
        number = numbers.get(cell.name)
        if number is None:
            continue
        if cell.text == f"<{MINIMUM}":
            assert 0 < number < MINIMUM, cell.name
        elif cell.text != UNSAID:
            assert MINIMUM <= int(cell.text.removeprefix("≥").replace(",", "")) <= number, cell.name
    assert hidden > 50


def test_no_small_count_is_the_difference_of_two_shown(written: Path) -> None:
    cells = {cell.name: cell for cell in Page(written.read_text(encoding="utf-8")).cells}
    pairs = [
        *((name, name.replace("|records|", "|records_with_data|")) for name in cells if "|records|" in name),
        *((name, name.replace("|checked|", "|failed|")) for name in cells if "compared|checked|" in name),
        *((f"cohort_attrition|remaining|{step}", f"cohort_attrition|remaining|{step + 1}")
          for step in (1, 2, 3, 5, 6, 7, 8, 9)),
        *((f"scenario_3|{one}|series|without", f"scenario_3|{other}|series|without")
          for one, other in (("ct", "low_dose"), ("low_dose", "over_150_instances"))),
    ]  # fmt: skip
    assert len(pairs) > 150
    for whole, part in pairs:
        one, other = cells[whole].value, cells[part].value
        if one is not None and other is not None:
            assert not 0 < float(one) - float(other) < MINIMUM, (whole, part)


def test_pictures_show_no_number_that_the_tables_hide(written: Path) -> None:
    page = Page(written.read_text(encoding="utf-8"))
    charts = {"figure_3a": "figure_3a", "low_dose": "low_dose_ct_by_instances", "thickness": "enhanced_t1_by_thickness"}
    for chart, relation in charts.items():
        texts = {cell.text for cell in page.cells if cell.name.startswith(f"{relation}|")} | {"0"}
        # The thickness of 1 mm is the name of a column.
        labels = {label for label in page.labels[chart] if re.fullmatch(rf"[<≥]?[\d,]+|{UNSAID}", label)} - {"1"}
        assert labels and labels <= texts, chart


def test_means_of_few_are_not_shown_nor_nodules_that_give_them_away(built: Built) -> None:
    rows = built.rows | {"scenario_2": [NODULES], "lesion_over_time": [LESIONS]}
    page = Page(render(replace(built, rows=rows), "icdm", MINIMUM))
    texts = {cell.name: cell.text for cell in page.cells}
    assert texts["scenario_2|solid_nodules|all CT"] == "12"
    assert texts["scenario_2|with_solid_part_patients|all CT"] == "<5"
    # 2 of 20 have no solid part, and a mean of the volumes of 3 patients would say much of each.
    assert texts["scenario_2|left|all CT"] == "<5" and texts["scenario_2|with_solid_part|all CT"].startswith("≥")
    assert "scenario_2|mean_solid_volume_mm3|all CT" not in texts
    assert texts["scenario_2|mean_volume_mm3|all CT"] == "800.5"
    assert texts["lesion_over_time|larger|volume|1"] == "8" and texts["lesion_over_time|unchanged|volume|1"] == "<5"


def test_an_archive_without_annotations_says_so(built: Built) -> None:
    page = Page(render(replace(built, rows=built.rows | {"scenario_2": [], "lesion_over_time": []}), "icdm", MINIMUM))
    assert "No annotations in this archive" in page.text and "No annotated lesion is followed" in page.text


def test_nothing_of_a_patient_or_a_file_stands_on_the_page(written: Path, site: Site) -> None:
    html = written.read_text(encoding="utf-8")
    uids = [row[0] for row in query("select distinct study_instance_uid from icdm.imaging_study")]
    paths = [row[0] for row in query("select distinct filepath from icdm.filepath")]
    keys = [row[0] for row in query("select distinct patient_key from icdm_raw.header where patient_key is not null")]
    # A short one, as the id 204 among pydicom's files, may stand there as a count.
    secrets = [text for text in (*uids, *paths, *keys, str(site.archive)) if len(text) > 5]
    assert len(secrets) > 100
    assert not [secret for secret in secrets if secret in html]
    with connect("pytest") as connection:
        assert connection.info.host not in html


def test_the_page_asks_nothing_of_a_network(written: Path) -> None:
    html = written.read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:)|url\((?!#)|@import|<script""", html)
    assert "default-src 'none'" in html and len(html) < 1_000_000


def test_the_smallest_count_is_the_options_then_the_environments_then_the_builds(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.html"

    def smallest(*options: str) -> str:
        assert report([str(path), *options]) == 0
        return re.search(r"smallest count shown</dt><dd>([^<]+)", path.read_text(encoding="utf-8"))[1]  # type: ignore[index]

    assert smallest() == "5"
    monkeypatch.setenv("ICDM_MIN_CELL_COUNT", "11")
    assert (smallest(), smallest("--min-cell-count", "0")) == ("11", "all are shown")
    monkeypatch.setenv("ICDM_MIN_CELL_COUNT", "few")
    assert report([str(path)]) == 2
    assert "ICDM_MIN_CELL_COUNT is 'few'" in capsys.readouterr().err


def test_without_built_tables_the_message_says_what_to_do(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.html"
    assert report([str(path), "--schema", "nobody_built_this"]) == 1
    assert "nobody_built_this_analysis.archive_summary" in (message := capsys.readouterr().err)
    assert "dbt build" in message and not path.exists()


def test_an_empty_archive_has_a_page(built: Built) -> None:
    empty: dict[str, list[dict[str, Any]]] = {name: [] for name in built.rows}
    zeros = {name: 0 if isinstance(value, int) else None for name, value in built["archive_summary"][0].items()}
    empty |= {"archive_summary": [zeros | {"bytes": 0}], "build_setting": built["build_setting"]}
    page = Page(render(replace(built, rows=empty), "icdm", MINIMUM))
    assert "There are no studies yet" in page.text


def test_the_exposure_names_what_the_report_reads() -> None:
    file = yaml.safe_load((PROJECT / "models/summaries/_summaries__exposures.yml").read_text(encoding="utf-8"))
    (exposure,) = file["exposures"]
    models = {path.stem for path in (PROJECT / "models").rglob("*.sql")}
    there = {relation.name for relation in RELATIONS if not relation.optional or relation.name in models}
    assert {ref.removeprefix("ref('").removesuffix("')") for ref in exposure["depends_on"]} == there


def test_the_page_names_every_variable_of_the_project(site: Site, written: Path) -> None:
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    rows = query("select setting, value from icdm_analysis.build_setting where kind = 'variable'")
    values = {name: None if value is None else str(value) for name, value in project["vars"].items()}
    assert {name for name, _ in rows} == set(values)
    assert {name: value for name, value in rows if not isinstance(project["vars"][name], list)} == {
        name: value for name, value in values.items() if not isinstance(project["vars"][name], list)
    }
    assert all(f"<code>{name}</code>" in written.read_text(encoding="utf-8") for name in values)


def test_text_and_marks_stand_out_in_light_and_dark() -> None:
    style = (PROJECT / "report/templates/style.css").read_text(encoding="utf-8")

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def contrast(one: str, other: str) -> float:
        dark, light = sorted((luminance(one), luminance(other)))
        return (light + 0.05) / (dark + 0.05)

    schemes = [
        dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in re.findall(r":root \{(.*?)\}", style, re.S)
    ]
    assert len(schemes) == 2
    for colours in schemes:
        for ground in ("paper", "sheet", "tint"):
            for text in ("ink", "ink-2", "accent", "fail", "pass", "c2"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
            for mark in ("c1", "c3"):
                assert contrast(colours[mark], colours["paper"]) >= 3, mark


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_browser_draws_it(built: Built, tmp_path: Path, width: int, dark: bool) -> None:
    path = tmp_path / "report.html"
    path.write_text(render(built, "icdm", 0), encoding="utf-8")
    with browser(tmp_path / "profile", width, dark=dark) as driver:
        driver.get(path.as_uri())
        assert driver.execute_script("return innerWidth") == width
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        charts: list[dict[str, Any]] = driver.execute_script(
            """
            return [...document.querySelectorAll('svg[data-chart]')].map(svg => ({
                name: svg.dataset.chart,
                drawn: svg.getBoundingClientRect().width > 0 && svg.getBoundingClientRect().height > 0,
                right: svg.getBoundingClientRect().right,
                named: svg.getAttribute('aria-labelledby').split(' ').every(
                    id => document.getElementById(id).textContent
                ),
                marks: [...svg.querySelectorAll('.mark-rect path, .mark-symbol path')].filter(
                    mark => mark.getBoundingClientRect().width > 0 && mark.getBoundingClientRect().height > 0
                ).map(mark => getComputedStyle(mark).fill),
                texts: [...svg.querySelectorAll('text')].map(text => getComputedStyle(text).fill),
            }))
            """
        )
        names = {chart["name"] for chart in charts}
        assert names == {"figure_3a", "figure_3b", "linkage", "low_dose", "thickness", "failing_rules", "lesions"}
        assert all(chart["named"] for chart in charts)
        drawn = [chart for chart in charts if chart["drawn"]]
        assert sorted(chart["name"] for chart in drawn) == sorted(names)
        assert all(chart["marks"] and chart["right"] <= width for chart in drawn)
        # What has no colour of the page is black, and one that the browser does not know is none.
        assert not {"rgb(0, 0, 0)", "none"} & {fill for chart in drawn for fill in [*chart["marks"], *chart["texts"]]}
        ground = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 200) is dark
        assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]


def test_keyboard_and_screen_reader_find_their_way(written: Path, tmp_path: Path) -> None:
    with browser(tmp_path / "profile", 1400) as driver:
        driver.get(written.as_uri())
        body = driver.find_element("tag name", "body")
        body.send_keys(Keys.TAB)
        first = driver.switch_to.active_element
        assert first.get_attribute("class") == "skip" and first.rect["x"] >= 0
        facts: dict[str, Any] = driver.execute_script(
            """
            const all = selector => [...document.querySelectorAll(selector)];
            return {
                language: document.documentElement.lang,
                landmarks: ['header', 'nav', 'main', 'h1'].map(name => all(name).length),
                levels: all('h1, h2, h3').map(heading => Number(heading.tagName[1])),
                bare: all('table').filter(table => !table.caption || !table.tHead.querySelector('th[scope]')).length,
                nameless: all('[role=region]').filter(
                    region => !region.getAttribute('aria-label') || region.tabIndex
                ).length,
                dead: all('a[href^="#"]').filter(link => !document.querySelector(link.getAttribute('href'))).length,
                twice: all('[id]').length - new Set(all('[id]').map(element => element.id)).size,
            }
            """
        )
        levels = facts.pop("levels")
        assert levels[0] == 1 and all(later - earlier <= 1 for earlier, later in pairwise(levels))
        assert facts == {
            "language": "en",
            "landmarks": [1, 1, 1, 1],
            "bare": 0,
            "nameless": 0,
            "dead": 0,
            "twice": 0,
        }
