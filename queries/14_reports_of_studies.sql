-- Question: What do the reports say of studies whose images show a certain thing?
-- Answers:  One row per enhanced CT study and report that speaks of a nodule, with its size where one is written.
-- Change:   The condition on the series; the word, in the language of the reports. Negations are not understood.
select
    study_note.person_id,
    study_note.imaging_study_id,
    study_note.note_date,
    note.note_title,
    substring(note.note_text from '(?i)nodule of ([0-9.]+) mm')::numeric as nodule_in_mm,
    study_note.tier
from icdm_analysis.study_note
inner join demo_cdm.note on study_note.note_id = note.note_id
where
    note.note_text ~* 'nodule'
    and exists (
        select 1
        from icdm_analysis.imaging_series_wide as series
        where
            series.imaging_study_id = study_note.imaging_study_id
            and series.modality = 'CT'
            and series.contrast_enhanced = 'YES'
    )
order by study_note.person_id, study_note.note_date, study_note.note_id;
