-- Lists every column, index and constraint of the schema, one line each, without the name of the schema. Compared with expected.txt.
select format('column %s.%s %s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), case when a.attnotnull then ' not null' else '' end)
from pg_attribute a join pg_class c on c.oid = a.attrelid
where c.relnamespace = to_regnamespace($1) and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
union all
select replace(pg_get_indexdef(i.indexrelid), format('%s.', $1), '')
from pg_index i join pg_class c on c.oid = i.indrelid
where c.relnamespace = to_regnamespace($1)
union all
select format('constraint %s on %s: %s', k.conname, c.relname, replace(pg_get_constraintdef(k.oid), format('%s.', $1), ''))
from pg_constraint k join pg_class c on c.oid = k.conrelid
where c.relnamespace = to_regnamespace($1) and k.contype in ('c', 'f', 'p', 'u')
order by 1
