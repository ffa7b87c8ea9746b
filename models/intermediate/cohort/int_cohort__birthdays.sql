with

persons as (
    select * from {{ ref('stg_omop__persons') }}
),

births as (
    select
        person_id,
        coalesce(year_of_birth, extract(year from birth_datetime))::integer as year_of_birth,
        coalesce(month_of_birth, extract(month from birth_datetime))::integer as month_of_birth,
        coalesce(day_of_birth, extract(day from birth_datetime))::integer as day_of_birth
    from persons
)

-- What is missing is filled as OMOP's Themis conventions have it: the 15th of June, the first of the month.
select
    person_id,
    year_of_birth as birth_year,
    case
        when month_of_birth is null then 615
        else month_of_birth * 100 + coalesce(day_of_birth, 1)
    end as birth_month_and_day
from births
