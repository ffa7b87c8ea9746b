-- A number has one word at most.
select
    lower_range.attribute,
    lower_range.word,
    upper_range.word as other_word
from {{ ref('evidence_range') }} as lower_range
inner join {{ ref('evidence_range') }} as upper_range
    on
        lower_range.attribute = upper_range.attribute
        and lower_range.word <> upper_range.word
        and lower_range.minimum <= upper_range.minimum
where lower_range.below is null or lower_range.below > upper_range.minimum
