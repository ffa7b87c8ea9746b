{# Whether the places of a volume are even, from the smallest, median and largest distance of neighbours in mm: they may differ
   by 1 % of the median, and by what decimal strings round away. Our estimate, since the standard gives no tolerance. #}
{% macro evenly_spaced(smallest, median, largest) -%}
    ({{ largest }} - {{ smallest }} <= greatest(0.01 * {{ median }}, 0.02))
{%- endmacro %}
