-- SagaRecovery, schema version 10: indexes for listings, searches and retention.
-- Readable since: 8
-- Locks: concurrently

-- Serves listings: the unfinished sagas of one coordinator, in the order in which it got them. Old entries of ended sagas are in ranges that
-- no listing reads (saga_listing).
create index concurrently if not exists saga_unfinished on {schema}.saga (current_coordinator, adopt_xid, id) where state in ('running', 'unwinding');

-- Serves the passes: the running sagas of one coordinator whose cancellation was requested.
create index concurrently if not exists saga_cancelling on {schema}.saga (current_coordinator, adopt_xid, id) where cancel_time is not null and state = 'running';

-- Serves searches by definition and by time, newest first, and retention, oldest first. A search over all definitions takes the newest of each.
create index concurrently if not exists saga_by_definition on {schema}.saga (definition_hash, time_created desc, id desc);

-- Serve searches for what went wrong, newest first.
create index concurrently if not exists saga_not_succeeded on {schema}.saga (state, time_created desc, id desc) where state in ('unwound', 'stuck', 'abandoned');
create index concurrently if not exists saga_by_failed_node on {schema}.saga (failed_node, time_created desc, id desc) where failed_node is not null;
create index concurrently if not exists saga_by_error_code on {schema}.saga (error_code, time_created desc, id desc) where error_code is not null;

-- Replaced by the first two. Older packages work without them, more slowly.
drop index concurrently if exists {schema}.saga_in_progress;
drop index concurrently if exists {schema}.saga_cancelled;
