-- Question: Which images are in the archive more than once, and do the copies say the same?
-- Answers:  One row per kind of difference: of each image one file is published, the others are counted here.
-- Change:   Leave out the group by to list the paths. "other patient" is the one to look at first.
select
    copy_class,
    count(*) as files,
    count(distinct sop_instance_uid) as images,
    count(distinct series_instance_uid) as series,
    min(file_path) as example
from icdm_quality.copies
where copy_class <> 'published'
group by copy_class
order by files desc, copy_class;
