-- Lists every column, valid index, constraint and trigger of the schema, one line each, without the name of the schema. Compared with expected.txt.
-- A partitioned table counts as one table, and its partitions do not count.
select format('column %s.%s %s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), case when a.attnotnull then ' not null' else '' end)
from pg_attribute a join pg_class c on c.oid = a.attrelid
where c.relnamespace = to_regnamespace($1) and c.relkind in ('r', 'p') and not c.relispartition and a.attnum > 0 and not a.attisdropped
union all
select replace(replace(pg_get_indexdef(i.indexrelid), format('%s.', $1), ''), ' ON ONLY ', ' ON ')
from pg_index i join pg_class c on c.oid = i.indrelid
where c.relnamespace = to_regnamespace($1) and not c.relispartition and i.indisvalid
union all
select format('constraint %s on %s: %s', k.conname, c.relname, replace(replace(pg_get_constraintdef(k.oid), format('%s.', $1), ''), ' NOT VALID', ''))
from pg_constraint k join pg_class c on c.oid = k.conrelid
where c.relnamespace = to_regnamespace($1) and not c.relispartition and k.contype in ('c', 'f', 'p', 'u')
union all
select format('trigger %s on %s', t.tgname, c.relname)
from pg_trigger t join pg_class c on c.oid = t.tgrelid
where c.relnamespace = to_regnamespace($1) and not c.relispartition and not t.tgisinternal and t.tgenabled in ('O', 'A')
order by 1
