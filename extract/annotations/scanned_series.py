"""The geometry of scanned series, looked up in the raw rows."""

from functools import lru_cache

from extract.annotations.context import SeriesGeometry
from extract.raw_database import AnyConnection

SERIES_KEPT = 8  # the files of one study follow each other

Six = tuple[float, float, float, float, float, float]


class ScannedSeriesOfDatabase:
    """The scanned series; of one patient, where images are looked up."""

    def __init__(self, connection: AnyConnection) -> None:
        self.connection = connection
        self.geometry_of = lru_cache(SERIES_KEPT)(self._geometry)
        self.images_of = lru_cache(1)(self._images)
        self.begin_file(None)

    def begin_file(self, patient_key: str | None) -> None:
        """Note whose file is read next."""
        self.patient_key = patient_key
        self.missing: list[str] = []  # series that were looked up in vain

    def geometry(self, series_instance_uid: str) -> SeriesGeometry | None:
        """Return a series' geometry, None where it is not scanned."""
        found = self.geometry_of(series_instance_uid)
        if found is None:
            self.missing.append(series_instance_uid)
        return found

    def series_of(self, sop_instance_uid: str) -> str | None:
        """Return the SeriesInstanceUID of a scanned image of the file's patient, None where there is none."""
        return None if self.patient_key is None else self.images_of(self.patient_key).get(sop_instance_uid)

    def forget(self) -> None:
        """Look everything up anew: other files were scanned since."""
        self.geometry_of.cache_clear()
        self.images_of.cache_clear()

    def _images(self, patient_key: str) -> dict[str, str]:
        rows = self.connection.execute(
            """
            select instance.sop_instance_uid, series.series_instance_uid
            from (select distinct series_key from icdm_raw.header where patient_key = %s) as patient
            inner join icdm_raw.series using (series_key)
            inner join icdm_raw.instance using (series_key)
            where instance.removed_run_id is null
            """,
            (patient_key,),
        ).fetchall()
        self.connection.commit()
        return dict(rows)

    def _geometry(self, series_instance_uid: str) -> SeriesGeometry | None:
        # A UID that two studies bear is an anonymiser's fault: the study with more images is the one that is meant.
        row = self.connection.execute(
            """
            select series.series_key, series.study_instance_uid
            from icdm_raw.series
            inner join icdm_raw.instance using (series_key)
            where series.series_instance_uid = %s and instance.removed_run_id is null
            group by series.series_key, series.study_instance_uid
            order by count(*) desc, series.study_instance_uid
            limit 1
            """,
            (series_instance_uid,),
        ).fetchone()
        if row is None:
            self.connection.commit()
            return None
        series_key, study_instance_uid = row
        headers = [
            attributes
            for (attributes,) in self.connection.execute(
                """
                select attributes from icdm_raw.header
                where series_key = %(series)s and exists (
                    select from icdm_raw.instance
                    where instance.series_key = header.series_key and instance.header_key = header.header_key
                      and instance.removed_run_id is null
                )
                """,
                {"series": series_key},
            )
        ]
        images = self.connection.execute(
            """
            select sop_instance_uid, image_position_patient from icdm_raw.instance
            where series_key = %s and removed_run_id is null and coalesce(number_of_frames, 1) = 1
            """,
            (series_key,),
        ).fetchall()
        self.connection.commit()
        orientation = _alike(headers, "ImageOrientationPatient")
        cosines = _numbers(orientation) if orientation else []
        sides = [_alike(headers, f"PixelSpacing[{component}]") for component in (1, 2)]
        spacing = [number for side in sides if side for number in _numbers(side)]
        rows, columns = (_alike(headers, name) for name in ("Rows", "Columns"))
        positions = {uid: _numbers(position) for uid, position in images if position}
        return SeriesGeometry(
            study_instance_uid=study_instance_uid,
            series_instance_uid=series_instance_uid,
            frame_of_reference_uid=_alike(headers, "FrameOfReferenceUID"),
            orientation=(cosines[0], cosines[1], cosines[2], cosines[3], cosines[4], cosines[5])
            if len(cosines) == 6
            else None,
            spacing=(spacing[0], spacing[1]) if len(spacing) == 2 else None,
            rows=int(rows) if rows and rows.isdecimal() else None,
            columns=int(columns) if columns and columns.isdecimal() else None,
            positions={uid: (at[0], at[1], at[2]) for uid, at in positions.items() if len(at) == 3},
        )


def _alike(headers: list[dict[str, str]], name: str) -> str | None:
    """Return the one value that all headers have, None where they differ in more than how a number is written."""
    texts = {header.get(name, "") for header in headers}
    values = {tuple(round(number, 4) for number in _numbers(text)) or text for text in texts}
    return texts.pop() if len(values) == 1 else None


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split("\\")]
    except ValueError:
        return []
