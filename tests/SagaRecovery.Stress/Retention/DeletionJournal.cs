namespace SagaRecovery.Stress.Retention;

/// <summary>A journal of inserts and deletions, which triggers write, outside of the tables of the sagas. Wrong deletions have a table of their own.</summary>
internal static class DeletionJournal
{
    private static readonly TimeSpan WaitTimeout = TimeSpan.FromSeconds(90);

    public static Task CreateAsync(Stage stage) => stage.ExecuteAsync(
        """
        create table public.started_saga (id uuid primary key);
        create table public.deleted_saga (id uuid primary key, state text not null, ended timestamptz, deleted_at timestamptz not null default clock_timestamp());
        create function public.note_start() returns trigger security definer language plpgsql as
            'begin insert into public.started_saga values (new.id); return null; end';
        create function public.note_deletion() returns trigger security definer language plpgsql as
            'begin insert into public.deleted_saga (id, state, ended) values (old.id, old.state, old.time_ended); return null; end';
        create table public.wrong_deletion (what text not null);
        create table public.deleted_leftover (what text not null);
        create function public.note_action_deletion() returns trigger security definer language plpgsql as
            'begin
                insert into public.deleted_leftover values (''action'');
                insert into public.wrong_deletion select ''operator action '' || old.id || '' of a present saga'' where exists (select from saga_recovery.saga where id = old.saga_id);
                return null;
            end';
        create function public.note_coordinator_deletion() returns trigger security definer language plpgsql as
            'begin
                insert into public.deleted_leftover values (''coordinator'');
                insert into public.wrong_deletion select ''coordinator '' || old.id || '' with unfinished sagas'' where exists (
                    select from saga_recovery.saga where current_coordinator = old.id and state in (''running'', ''unwinding''));
                return null;
            end';
        create trigger note_action_deletion after delete on saga_recovery.saga_operator_action for each row execute function public.note_action_deletion();
        create trigger note_coordinator_deletion after delete on saga_recovery.saga_coordinator for each row execute function public.note_coordinator_deletion();
        create trigger note_start after insert on saga_recovery.saga for each row execute function public.note_start();
        create trigger note_deletion after delete on saga_recovery.saga for each row execute function public.note_deletion();
        """);

    public static Task<long> CountAsync(Stage stage) => stage.ScalarAsync<long>("select count(*) from public.deleted_saga");

    /// <summary>Adds stuck sagas that have expired, and coordinators that have been silent for an hour.</summary>
    public static Task SeedAsync(Stage stage, int count) => stage.ExecuteAsync(
        """
        insert into saga_recovery.saga_definition (hash, name, version, dag) values (sha256('{"nodes":[]}'), 'seeded', 1, '{"nodes":[]}') on conflict do nothing;
        insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, time_ended)
        select gen_random_uuid(), 'seeded', @CoordinatorId, sha256('{"nodes":[]}'), '{}', 'stuck', now() - interval '1 hour' from generate_series(1, @count);
        insert into saga_recovery.saga_coordinator (id, incarnation, host, process_id, time_seen, token, server_start, table_id)
        select gen_random_uuid(), 1, 'seeded', 1, now() - interval '1 hour', gen_random_uuid(), now(), 0 from generate_series(1, @count);
        """,
        new { stage.CoordinatorId, count });

    /// <summary>Adds unfinished sagas, whose definition no process knows.</summary>
    public static Task SeedUnfinishedAsync(Stage stage, int count) => stage.ExecuteAsync(
        """
        insert into saga_recovery.saga_definition (hash, name, version, dag) values (sha256('{"nodes": []}'), 'unknown', 1, '{"nodes": []}');
        insert into saga_recovery.saga (id, name, creator, definition_hash, params, time_created)
        select gen_random_uuid(), 'unknown', @CoordinatorId, sha256('{"nodes": []}'), '{}', now() - interval '1 hour' from generate_series(1, @count);
        """,
        new { stage.CoordinatorId, count });

    /// <summary>Adds a definition that no saga has, and old operator actions.</summary>
    public static Task SeedLeftoversAsync(Stage stage) => stage.ExecuteAsync(
        """
        insert into saga_recovery.saga_definition (hash, name, version, dag)
        select sha256(convert_to(dag, 'UTF8')), 'unused', 1, dag::json from (select '{"nodes":[], "id":"' || gen_random_uuid() || '"}' as dag) d;
        insert into saga_recovery.saga_operator_action (id, time_taken, action, saga_id, actor, reason)
        select (select coalesce(max(id), 0) from saga_recovery.saga_operator_action) + n, now() - interval '1 hour', 'hold', gen_random_uuid(), 'seeded', 'to expire'
        from generate_series(1, 3) as n;
        """);

    public static Task<IReadOnlyList<Guid>> DeletedAsync(Stage stage) => stage.ListAsync<Guid>("select id from public.deleted_saga");

    /// <summary>What was deleted too early, other than sagas.</summary>
    public static Task<IReadOnlyList<string>> WrongDeletionsAsync(Stage stage) => stage.ListAsync<string>("select what from public.wrong_deletion");

    public static Task<long> UnfinishedAsync(Stage stage) => stage.ScalarAsync<long>("select count(*) from saga_recovery.saga where state in ('running', 'unwinding')");

    /// <summary>True if nothing is left but unfinished sagas with their definition. The last operator action stays.</summary>
    public static Task<bool> OnlyUnfinishedRemainAsync(Stage stage) => stage.ScalarAsync<bool>(
        """
        select not exists (select from saga_recovery.saga where state not in ('running', 'unwinding'))
            and not exists (select from saga_recovery.saga_definition where name in ('seeded', 'unused'))
            and (select count(*) from saga_recovery.saga_operator_action) <= 1
            and not exists (select from saga_recovery.saga_coordinator where host = 'seeded')
        """);

    /// <summary>Waits until every saga has ended and was deleted, and everything that they leave. The last operator action stays.</summary>
    public static Task AllIsDeletedAsync(Stage stage) => Eventually.HoldsAsync(
        () => stage.ScalarAsync<bool>(
            """
            select not exists (select from saga_recovery.saga) and (select count(*) from saga_recovery.saga_operator_action) <= 1
                and not exists (select from saga_recovery.saga_coordinator where host = 'seeded')
            """),
        "every saga had ended and was deleted, with what it left",
        WaitTimeout);
}
