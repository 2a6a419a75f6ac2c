using EmbeddedPostgres;
using SagaRecovery.Stress.Retention;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// The service deletes what has expired, and is killed (SIGKILL) once at each step of that. The server then continues with the statement that it was sent,
/// although its client is dead. Nothing unfinished may be deleted, nothing that is not in the archive, and the next process deletes the rest.
/// </summary>
internal sealed class PurgeStepsScenario : Scenario
{
    private const int Seeded = 30;

    private static readonly TimeSpan WaitTimeout = TimeSpan.FromSeconds(90);

    public override string Name => "purge-steps";

    public override async Task RunAsync(StressRun run)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("archive");
        try
        {
            var archive = new ArchiveFolder(folder);
            await using Stage stage = await Stage.SetAsync(new ClusterOptions());
            await (await StartAsync(stage, archive)).TerminateAsync(); // creates the tables
            await DeletionJournal.CreateAsync(stage);
            await DeletionJournal.SeedUnfinishedAsync(stage, Seeded);
            foreach (PurgeStep step in PurgeStep.Every)
            {
                run.Part = step.Name;
                await KillAtAsync(run, stage, archive, step);
            }

            run.Part = null;
            ServiceProcess last = await StartAsync(stage, archive);
            await Eventually.HoldsAsync(() => DeletionJournal.OnlyUnfinishedRemainAsync(stage), "everything that had expired was deleted", WaitTimeout);
            await CheckAsync(run, stage, archive);
            run.Require(await last.TerminateAsync() == 0, "the service did not end cleanly");
            run.Figures["kills"] = PurgeStep.Every.Count;
            run.Figures["deleted"] = await DeletionJournal.CountAsync(stage);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task KillAtAsync(StressRun run, Stage stage, ArchiveFolder archive, PurgeStep step)
    {
        ServiceProcess service = await StartAsync(stage, archive);
        IAsyncDisposable hold = await step.HoldAsync(stage);
        await using (hold)
        {
            long before = await DeletionJournal.CountAsync(stage);
            await DeletionJournal.SeedAsync(stage, Seeded);
            await DeletionJournal.SeedLeftoversAsync(stage);
            await Eventually.HoldsAsync(() => IsHeldAsync(stage), $"the purge was at the step '{step.Name}'", WaitTimeout);
            await service.KillAsync();
            await stage.RetireAsync(service);
            run.Require(!step.ReadsOnly || await DeletionJournal.CountAsync(stage) == before, "sagas were deleted before they were archived");
        }

        await Eventually.HoldsAsync(async () => await stage.ServiceConnectionsAsync() == 0, "the server had ended the statements of the dead process", WaitTimeout);
        await CheckAsync(run, stage, archive);
    }

    private static async Task CheckAsync(StressRun run, Stage stage, ArchiveFolder archive)
    {
        IReadOnlyDictionary<Guid, ArchivedLine> archived = archive.Read(run);
        run.RequireNone((await DeletionJournal.DeletedAsync(stage)).Where(id => !archived.ContainsKey(id)).Select(id => $"saga {id} was deleted and is not in the archive"));
        run.RequireNone(archived.Values.Where(line => line.Problem is not null).Select(line => $"archived saga {line.Id}: {line.Problem}"));
        run.RequireNone(await DeletionJournal.WrongDeletionsAsync(stage));
        run.Require(await DeletionJournal.UnfinishedAsync(stage) == Seeded, "an unfinished saga was deleted");
    }

    private static async Task<ServiceProcess> StartAsync(Stage stage, ArchiveFolder archive)
    {
        ServiceProcess service = await stage.StartAsync(RetentionSettings.Of(archive.Path));
        await service.FirstPassAsync();
        return service;
    }

    private static Task<bool> IsHeldAsync(Stage stage) => stage.ScalarAsync<bool>(
        """
        select exists (
            select from pg_stat_activity a where a.usename = @Role and a.xact_start is not null
                and (a.wait_event = 'PgSleep' or (a.wait_event_type = 'Lock' and a.wait_event = 'relation')))
        """,
        new { Stage.Role });
}
