namespace SagaRecovery.Stress.Retention;

/// <summary>A journal of inserts and deletions, which triggers write, outside of the tables of the sagas.</summary>
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
        create trigger note_start after insert on saga_recovery.saga for each row execute function public.note_start();
        create trigger note_deletion after delete on saga_recovery.saga for each row execute function public.note_deletion();
        """);

    public static Task<long> CountAsync(Stage stage) => stage.ScalarAsync<long>("select count(*) from public.deleted_saga");

    /// <summary>Waits until every saga has ended and was deleted.</summary>
    public static Task AllIsDeletedAsync(Stage stage) => Eventually.HoldsAsync(
        () => stage.ScalarAsync<bool>("select not exists (select from saga_recovery.saga)"), "every saga had ended and was deleted", WaitTimeout);
}
