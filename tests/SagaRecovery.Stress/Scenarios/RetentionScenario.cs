using Dapper;
using EmbeddedPostgres;
using Npgsql;
using SagaRecovery.Stress.Reconciliation;
using SagaRecovery.Stress.Retention;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// The service deletes its ended sagas after two seconds, under load and with cancellations, and is killed (SIGKILL) at random moments of that. In
/// every third life its archive fails. Stuck sagas, operator actions and silent coordinators expire as well. Nothing unfinished may be deleted,
/// nothing that is not in the archive, and no operator action before its saga.
/// </summary>
internal sealed class RetentionScenario : Scenario
{
    private const int Clients = 16;
    private const int LeastKills = 8;
    private const int LeastDeleted = 200;

    /// <summary>The stuck sagas and silent coordinators of each life.</summary>
    private const int Seeded = 30;

    /// <summary>The number of lives of which one has an archive that fails.</summary>
    private const int OneFails = 3;

    private static readonly TimeSpan LongestLife = TimeSpan.FromSeconds(3);

    public override string Name => "retention";

    public override async Task RunAsync(StressRun run)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("archive");
        try
        {
            await using Stage stage = await Stage.SetAsync(new ClusterOptions());
            await StartAsync(stage);
            await RunAsync(run, stage, new ArchiveFolder(folder));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Lets a first process create the tables, and adds the journal to them before the load.</summary>
    private static async Task StartAsync(Stage stage)
    {
        ServiceProcess first = await stage.StartAsync();
        await first.FirstPassAsync();
        await DeletionJournal.CreateAsync(stage);
        await first.TerminateAsync();
        await stage.RetireAsync(first);
    }

    private static async Task RunAsync(StressRun run, Stage stage, ArchiveFolder archive)
    {
        await using var load = new ProjectLoad(() => stage.Present, Clients, pause: run.ClientPause);
        await using var canceller = new Canceller(stage, Canceller.AnyMoment);
        (long kills, long failing, long deletedWhileFailing) = (0, 0, 0);
        while (run.Continues(kills >= LeastKills && failing > 1 && await DeletionJournal.CountAsync(stage) >= LeastDeleted))
        {
            bool archiveFails = kills % OneFails == OneFails - 1;
            await DeletionJournal.SeedAsync(stage, Seeded);
            long before = await DeletionJournal.CountAsync(stage);
            ServiceProcess service = await stage.StartAsync(RetentionSettings.Of(archiveFails ? archive.Broken : archive.Path));
            await service.FirstPassAsync();
            await Task.Delay(run.Draw(LongestLife));
            await service.KillAsync();
            await stage.RetireAsync(service);
            kills++;
            if (archiveFails)
            {
                failing++;
                deletedWhileFailing += await DeletionJournal.CountAsync(stage) - before;
            }
        }

        run.Require(deletedWhileFailing == 0, $"{deletedWhileFailing} sagas were deleted while the archive failed");
        ServiceProcess last = await stage.StartAsync(RetentionSettings.Of(archive.Path));
        await canceller.EndAsync();
        await load.EndAsync();
        run.Figures["kills"] = kills;
        run.Figures["livesWithoutArchive"] = failing;
        await DeletionJournal.AllIsDeletedAsync(stage);
        await ReconcileAsync(run, stage, load, archive);
        run.Require(await last.TerminateAsync() == 0, "the service did not end cleanly");
    }

    private static async Task ReconcileAsync(StressRun run, Stage stage, ProjectLoad load, ArchiveFolder archive)
    {
        run.Log("reconciling");
        await using var connection = new NpgsqlConnection($"{stage.Superuser};Pooling=false");
        HashSet<Guid> started = [.. await connection.QueryAsync<Guid>("select id from public.started_saga")];
        (Guid Id, string State, bool IsExpired)[] deleted =
            [.. await connection.QueryAsync<(Guid, string, bool)>("select id, state, deleted_at - ended >= @Keep from public.deleted_saga", new { RetentionSettings.Keep })];
        HashSet<Guid> present = [.. await connection.QueryAsync<Guid>("select id from saga_recovery.saga")];
        IReadOnlyDictionary<Guid, ArchivedLine> archived = archive.Read(run);

        run.RequireNone(deleted.Where(saga => saga.State is not ("succeeded" or "unwound" or "stuck")).Select(saga => $"saga {saga.Id} was deleted and is {saga.State}"));
        run.RequireNone(deleted.Where(saga => !saga.IsExpired).Select(saga => $"saga {saga.Id} was deleted too early"));
        run.RequireNone(deleted.Where(saga => !archived.ContainsKey(saga.Id)).Select(saga => $"saga {saga.Id} was deleted and is not in the archive"));
        run.RequireNone(archived.Values.Where(line => line.Problem is not null).Select(line => $"archived saga {line.Id}: {line.Problem}"));
        int accounted = started.Count(id => archived.ContainsKey(id) || present.Contains(id));
        run.Require(accounted == started.Count, $"{started.Count} sagas were started, and {accounted} are archived or present");
        run.Require(archived.Keys.All(started.Contains), "a saga is in the archive that was never started");
        IReadOnlySet<string> whole = await stage.Ledger.WholeProjectsAsync();
        run.RequireNone(load.Promised.Where(name => !whole.Contains(name)).Select(name => $"project '{name}' was answered with 201 and is missing or not whole"));
        run.RequireNone(LoggedRuns.Twice(stage.Logs));
        run.RequireNone(await DeletionJournal.WrongDeletionsAsync(stage));
        long stuck = deleted.LongCount(saga => saga.State == "stuck");
        long actions = await connection.ExecuteScalarAsync<long>("select count(*) from public.deleted_leftover where what = 'action'");
        long coordinators = await connection.ExecuteScalarAsync<long>("select count(*) from public.deleted_leftover where what = 'coordinator'");
        run.Require(stuck > 0 && actions > 0 && coordinators > 0, $"{stuck} stuck sagas, {actions} operator actions and {coordinators} coordinators were deleted: none may be missing");
        run.Figures["stuckDeleted"] = stuck;
        run.Figures["actionsDeleted"] = actions;
        run.Figures["coordinatorsDeleted"] = coordinators;
        long unlogged = await connection.ExecuteScalarAsync<long>(
            "select count(*) from saga_recovery.saga_node_event e where not exists (select from saga_recovery.saga s where s.id = e.saga_id)");
        run.Require(unlogged == 0, $"{unlogged} events of deleted sagas are left");
        run.Figures["started"] = started.Count;
        run.Figures["deleted"] = deleted.Length;
        run.Figures["archived"] = archived.Count;
        run.Figures["present"] = present.Count;
    }
}
