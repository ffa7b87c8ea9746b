-- The raw rows: the one definition of schema icdm_raw. What each column means stands in
-- models/staging/dicom/_dicom__sources.yml; a test holds the two equal.
-- Keys of folder, series and header are hashes of their content, so that processes and machines need no
-- coordination and loading twice changes nothing. Text is compared bytewise ("C"), as the walk sorts names.

create schema icdm_raw;

create table icdm_raw.root (
    root_id integer generated always as identity primary key,
    root_name text not null unique,
    root_path text not null
);

create table icdm_raw.header_layout (
    layout_id integer generated always as identity primary key,
    fingerprint text not null,
    reading_version integer not null,
    instance_attributes text [] not null,
    unique (fingerprint, reading_version)
);

create table icdm_raw.extract_run (
    run_id bigint generated always as identity primary key,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    status text not null default 'running' check (status in ('running', 'completed', 'failed')),
    paths text [] not null,
    extractor_version text not null,
    layout_id integer not null references icdm_raw.header_layout,
    identifiers text not null check (identifiers in ('hmac', 'clear')),
    key_check text,
    files_seen bigint not null default 0,
    files_unchanged bigint not null default 0,
    files_read bigint not null default 0,
    files_rejected bigint not null default 0,
    files_ignored bigint not null default 0,
    files_vanished bigint not null default 0,
    values_masked bigint not null default 0,
    last_batch bigint,
    scan text unique,
    message text
);

create table icdm_raw.loaded_part (
    part_name text collate "C" primary key,
    run_id bigint not null references icdm_raw.extract_run,
    loaded_at timestamptz not null default now()
);

create sequence icdm_raw.batch_id;

create table icdm_raw.folder (
    folder_key bigint primary key,
    root_id integer not null references icdm_raw.root,
    folder text collate "C" not null
);

create table icdm_raw.series (
    series_key bigint primary key,
    study_instance_uid text collate "C" not null,
    series_instance_uid text collate "C" not null,
    changed_batch bigint not null
);

create table icdm_raw.header (
    series_key bigint not null,
    header_key bigint not null,
    patient_key text,
    patient_issuer_key text,
    accession_keys text [] not null,
    sop_class_uid text,
    transfer_syntax_uid text,
    attributes jsonb not null,
    primary key (series_key, header_key)
);

-- Fixed-width columns first: at tens of millions of rows padding is gigabytes.
create table icdm_raw.instance (
    series_key bigint not null,
    header_key bigint not null,
    folder_key bigint not null,
    file_size bigint not null,
    modification_time_ns bigint not null,
    run_id bigint not null,
    removed_run_id bigint,
    instance_creation timestamp,
    layout_id integer not null,
    instance_number bigint,
    number_of_frames integer,
    is_truncated boolean not null,
    file_name text collate "C" not null,
    sop_instance_uid text collate "C" not null,
    image_position_patient text,
    instance_values text [] not null,
    unique (folder_key, file_name)
);

create index instance_series on icdm_raw.instance (series_key);

create table icdm_raw.rejected_file (
    folder_key bigint not null,
    file_size bigint not null,
    modification_time_ns bigint not null,
    run_id bigint not null,
    removed_run_id bigint,
    layout_id integer not null,
    outcome text not null check (outcome in ('rejected', 'ignored')),
    reason text not null,
    detail text,
    file_name text collate "C" not null,
    primary key (folder_key, file_name)
);

create table icdm_raw.crosswalk_load (
    load_id bigint generated always as identity primary key,
    loaded_at timestamptz not null default now(),
    kind text not null check (kind in ('person', 'procedure', 'note', 'expected')),
    origin text not null check (origin in ('csv', 'omop')),
    identifiers text check (identifiers in ('hmac', 'clear')),
    key_check text,
    rows_loaded bigint not null,
    rows_refused bigint not null,
    rows_skipped bigint not null
);

create table icdm_raw.person_crosswalk (
    origin text not null check (origin in ('csv', 'omop')),
    patient_key text not null,
    patient_issuer_key text,
    person_id bigint,
    number_of_persons bigint not null,
    date_shift_days integer
);

-- NULL is a value here: an id without issuer stands once.
create unique index person_crosswalk_patient
on icdm_raw.person_crosswalk (origin, patient_key, coalesce(patient_issuer_key, ''));

create table icdm_raw.procedure_crosswalk (
    origin text not null check (origin in ('csv', 'omop')),
    accession_key text,
    study_instance_uid text,
    procedure_occurrence_id bigint not null
);

create unique index procedure_crosswalk_pair on icdm_raw.procedure_crosswalk
(origin, coalesce(accession_key, ''), coalesce(study_instance_uid, ''), procedure_occurrence_id);

create table icdm_raw.note_crosswalk (
    origin text not null check (origin in ('csv', 'omop')),
    accession_key text,
    study_instance_uid text,
    note_id bigint not null
);

create unique index note_crosswalk_pair on icdm_raw.note_crosswalk
(origin, coalesce(accession_key, ''), coalesce(study_instance_uid, ''), note_id);

-- Files of annotations: DICOM ones are rows of instance too, others rows of rejected_file (ignored: not DICOM).
-- Whether a file is still there, and which copy counts, is known there.
create table icdm_raw.annotation_file (
    folder_key bigint not null,
    file_name text collate "C" not null,
    file_size bigint not null,
    modification_time_ns bigint not null,
    read_at timestamptz not null default now(),
    reading text not null,
    form text not null,
    outcome text not null check (outcome in ('read', 'no annotation', 'refused')),
    reason text,
    detail text,
    missing_series_uid text collate "C",
    primary key (folder_key, file_name)
);

create table icdm_raw.annotation (
    folder_key bigint not null,
    file_name text collate "C" not null,
    annotation_number integer not null,
    label text,
    finding_code text,
    category_code text,
    site_code text,
    laterality_code text,
    tracking_id text,
    tracking_uid text,
    study_instance_uid text collate "C",
    series_instance_uid text collate "C",
    frame_of_reference_uid text collate "C",
    image_orientation_patient text,
    annotated_at timestamp,
    generation text check (generation in ('MANUAL', 'SEMIAUTOMATIC', 'AUTOMATIC')),
    algorithm_name text,
    annotation_system text,
    annotator_key text,
    problem text,
    primary key (folder_key, file_name, annotation_number),
    foreign key (folder_key, file_name) references icdm_raw.annotation_file on delete cascade
);

create table icdm_raw.annotation_image (
    folder_key bigint not null,
    file_name text collate "C" not null,
    annotation_number integer not null,
    sop_instance_uid text collate "C" not null,
    primary key (folder_key, file_name, annotation_number, sop_instance_uid),
    foreign key (folder_key, file_name, annotation_number) references icdm_raw.annotation on delete cascade
);

create table icdm_raw.annotation_value (
    folder_key bigint not null,
    file_name text collate "C" not null,
    annotation_number integer not null,
    value_number integer not null,
    name text not null,
    name_code text,
    value_text text not null,
    value_as_number numeric,
    unit text,
    value_code text,
    origin text not null check (origin in ('stated', 'measured')),
    method text,
    primary key (folder_key, file_name, annotation_number, value_number),
    foreign key (folder_key, file_name, annotation_number) references icdm_raw.annotation on delete cascade
);

create table icdm_raw.expected_count (
    study_instance_uid text collate "C" not null,
    series_instance_uid text collate "C",
    number_of_instances bigint not null check (number_of_instances >= 0)
);

create unique index expected_count_of on icdm_raw.expected_count
(study_instance_uid, coalesce(series_instance_uid, ''));
