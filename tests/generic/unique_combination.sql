{# The grain of a relation whose key has several columns: no two rows have them all in common; NULL equals NULL. #}
{% test unique_combination(model, columns) %}
{% if columns is string or columns | length < 2 %}
    {% do exceptions.raise_compiler_error('unique_combination needs a list of two columns or more') %}
{% endif %}
select
    {{ columns | join(', ') }},
    count(*) as occurrences
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
