using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using EmbeddedPostgres;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// Measures the load that a purge puts on the log: the rate of created projects while the service deletes old sagas, and while it does not, in alternating
/// turns.
/// </summary>
internal sealed class PurgeScenario : Scenario
{
    private const int Clients = 16;
    private const int Events = 20;

    /// <summary>The old sagas for each second of a purge: more than it deletes.</summary>
    private const int SagasPerSecond = 4_000;

    private static readonly TimeSpan Warm = TimeSpan.FromSeconds(5);

    public override string Name => "purge";

    public override async Task RunAsync(StressRun run)
    {
        await using Stage stage = await Stage.SetAsync(new ClusterOptions());
        ServiceProcess service = await stage.StartAsync("--Serilog:MinimumLevel:Override:SagaRecovery=Warning");
        await service.FirstPassAsync();
        TimeSpan turn = run.Duration / 8;
        int sagas = (int)(turn.TotalSeconds * 4 * SagasPerSecond);
        await SeedAsync(stage, sagas);
        await using var load = new ProjectLoad(() => stage.Present, Clients);
        await Task.Delay(Warm); // the first requests compile the service
        List<double> ratios = [];
        long deleted = 0;
        for (int pair = 0; pair < 4; pair++)
        {
            bool purgesFirst = pair % 2 == 1; // A B B A
            (double first, long deletedFirst) = await MeasureAsync(service, load, turn, purgesFirst);
            (double second, long deletedSecond) = await MeasureAsync(service, load, turn, !purgesFirst);
            deleted += deletedFirst + deletedSecond;
            (double beside, double alone) = purgesFirst ? (first, second) : (second, first);
            ratios.Add(beside / alone);
            run.Log(string.Create(CultureInfo.InvariantCulture, $"{alone:F0} projects a second, {beside:F0} beside a purge"));
        }

        ratios.Sort();
        run.Figures["seeded"] = sagas;
        run.Figures["deletedPerSecond"] = Math.Round(deleted / (4 * turn.TotalSeconds), 0);
        run.Figures["ratioMedian"] = Math.Round((ratios[1] + ratios[2]) / 2, 3);
        run.Figures["ratioMin"] = Math.Round(ratios[0], 3);
        run.Figures["ratioMax"] = Math.Round(ratios[3], 3);
        await load.EndAsync();
        run.Require(await service.TerminateAsync() == 0, "the service did not end cleanly");
    }

    private static async Task<(double Rate, long Deleted)> MeasureAsync(ServiceProcess service, ProjectLoad load, TimeSpan turn, bool purges)
    {
        using var end = new CancellationTokenSource(turn);
        int before = load.Promised.Count;
        long began = System.Diagnostics.Stopwatch.GetTimestamp();
        Task<long> purge = purges ? PurgeAsync(service, end.Token) : Task.FromResult(0L);
        await Task.Delay(turn); // the rate is measured over a period
        double rate = (load.Promised.Count - before) / System.Diagnostics.Stopwatch.GetElapsedTime(began).TotalSeconds;
        return (rate, await purge);
    }

    /// <summary>Repeats the request until the turn is over.</summary>
    private static async Task<long> PurgeAsync(ServiceProcess service, CancellationToken end)
    {
        long deleted = 0;
        string? continuation = null;
        while (!end.IsCancellationRequested)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/saga-recovery/purge")
            {
                Content = JsonContent.Create(new { reason = "to measure", olderThan = "1.00:00:00", delete = true, continuation }),
            };
            request.Headers.Authorization = ServiceProcess.Operator;
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
            using HttpResponseMessage response = await service.Http.SendAsync(request, CancellationToken.None);
            response.EnsureSuccessStatusCode();
            JsonElement body = await response.Content.ReadFromJsonAsync<JsonElement>(CancellationToken.None);
            deleted += body.GetProperty("deleted").GetInt64();
            continuation = body.GetProperty("continuation").GetString();
        }

        return deleted;
    }

    private static async Task SeedAsync(Stage stage, int count)
    {
        await stage.ExecuteAsync(
            """
            insert into saga_recovery.saga_definition (hash, name, version, dag) values (sha256('{}'), 'old', 1, '{}');
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, time_created, time_ended)
            select gen_random_uuid(), 'old', @CoordinatorId, sha256('{}'), '{"name":"old"}', 'succeeded', now() - interval '40 days' + n * interval '1 second', now() - interval '2 days'
            from generate_series(1, @count) as n;
            insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, data, creator)
            select s.id, n, case when k = 0 then 'started' else 'succeeded' end, case when k = 1 then json_build_object('out', repeat('x', 180)) end, s.creator
            from saga_recovery.saga s, generate_series(0, @Nodes - 1) as n, generate_series(0, 1) as k where s.name = 'old';
            """,
            new { stage.CoordinatorId, count, Nodes = Events / 2 });
        await stage.ExecuteAsync("vacuum analyze saga_recovery.saga");
        await stage.ExecuteAsync("vacuum analyze saga_recovery.saga_node_event");
        await stage.ExecuteAsync("checkpoint;");
    }
}
