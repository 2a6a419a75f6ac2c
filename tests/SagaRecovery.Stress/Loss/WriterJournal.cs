using System.Globalization;

namespace SagaRecovery.Stress.Loss;

/// <summary>
/// Records in the database, by triggers, which process wrote each row of a saga and of its log. A row without effect, since its
/// transaction is not committed, is not recorded either.
/// </summary>
/// <param name="stage">A stage with the tables of the sagas.</param>
internal sealed class WriterJournal(Stage stage)
{
    /// <summary>The setting with the name of a process in the journal.</summary>
    public static string NameSetting(Stage stage, string process) => $"--ConnectionStrings:Sagas={stage.Connection};Application Name={process}";

    public Task CreateAsync() => stage.ExecuteAsync("""
        create schema journal;
        create table journal.written (writer text not null, saga_id uuid not null, what text not null);
        create function journal.note() returns trigger language plpgsql security definer as $$
        begin
            insert into journal.written (writer, saga_id, what)
            values (current_setting('application_name'), (to_jsonb(new) ->> tg_argv[0])::uuid, tg_table_name);
            return null;
        end $$;
        create trigger note after insert or update on saga_recovery.saga for each row execute function journal.note('id');
        create trigger note after insert on saga_recovery.saga_node_event for each row execute function journal.note('saga_id')
        """);

    /// <summary>Counts the rows that a process has written.</summary>
    public Task<long> RowsOfAsync(string process) => stage.ScalarAsync<long>(
        string.Create(CultureInfo.InvariantCulture, $"select count(*) from journal.written where writer = '{process}'"));
}
