-- SagaRecovery, schema version 8: packages work on newer tables, within a stated range.
-- Readable since: 8
-- Locks: schema_version

-- readable_since: the oldest schema version whose package works on the tables of this version. Null in the rows of versions 1 to 7, whose
-- packages work on exactly their version.
alter table {schema}.schema_version add column if not exists readable_since int;
