using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Dapper;
using Npgsql;
using SagaRecovery.AspNetCore.Tests.Support;

namespace SagaRecovery.AspNetCore.Tests;

/// <summary>After a run in which everything happens, status, JSON, page, command line, metrics and log agree.</summary>
[Collection(OnPostgres.Name)]
public sealed class AgreementTests(PostgresCluster postgres) : IAsyncLifetime
{
    private static readonly string[] Settings =
    [
        "--Serilog:MinimumLevel:Override:SagaRecovery=Debug", // one line for each decision
        "--SagaRecovery:Period=01:00:00", "--SagaRecovery:FirstBackoff=01:00:00", "--SagaRecovery:LongestBackoff=01:00:00",
        "--SagaRecovery:Probation=01:00:00", // no pass at its end, which would come before a first run is interrupted
        "--SagaRecovery:StalledCheckPeriod=00:00:00.200",
    ];

    private readonly Guid _coordinator = Guid.NewGuid();
    private string _database = "";
    private ServiceProcess _service = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await postgres.NewDatabaseAsync();
        _service = await ServiceProcess.StartAsync(_database, _coordinator, Settings);
    }

    public async ValueTask DisposeAsync() => await _service.DisposeAsync();

    [Fact]
    public async Task After_a_chaos_run_all_faces_agree_to_the_letter()
    {
        List<Guid> waiting = await LoadAsync(demoSagas: 6, projects: 60);
        await PerformAsync($"/sagas/{waiting[0]}/hold");
        await MisfitAsync(waiting[1]);
        Guid unreadable = await UnreadableOutputAsync();
        await RestartAsync();
        waiting.AddRange(await LoadAsync(demoSagas: 2, projects: 60));
        foreach (Guid saga in waiting[2..5])
        {
            (await _service.ReleaseDemoSagaAsync(saga)).EnsureSuccessStatusCode();
        }

        await Eventually.HoldsAsync(async () => await InProgressAsync() == waiting.Count - 3 + 1, "all but those that wait had ended");
        await InterruptedAsync();
        await _service.ActivateAsync();
        await InterruptedAsync();
        await _service.ActivateAsync(); // tries the misfit again: one more failure
        await InterruptedAsync();

        await LeaveOthersBehindAsync();
        await PerformAsync("/drain");
        await Eventually.HoldsAsync(HasSettledAsync, "the drain had ended, and the sagas of other owners were counted");
        await _service.ActivateAsync();
        await InterruptedAsync();

        Faces faces = await Faces.ReadAsync(_service);

        Dictionary<string, long> json = faces.Counts["json"];
        json["recovered"].Should().BeGreaterThanOrEqualTo(4);
        json["failed"].Should().BeGreaterThanOrEqualTo(2 + 3, "a saga was interrupted at each try, too");
        json["observedStarts"].Should().BeGreaterThan(60);
        json["inferredFinished"].Should().BeGreaterThan(60);
        (json["held"], json["waiting"], json["tracked"]).Should().Be((1, 2, 3));
        (json["orphans"], json["ownerDown"], json["drainLeft"], json["missedHints"]).Should().Be((2, 1, waiting.Count - 3 + 1, 0));
        foreach ((string face, Dictionary<string, long> counts) in faces.Counts)
        {
            counts.Should().BeEquivalentTo(json.Where(count => counts.ContainsKey(count.Key)), "{0} reports the same counts as the JSON", face);
        }

        // Each run has to be interrupted before the next pass: it settles the recoveries before it in the metrics, whose counters cannot fall. The pass that
        // an interruption requests comes a second later, and must not come between the next run and its interruption either.
        Task InterruptedAsync() => Eventually.HoldsAsync(
            async () => await _service.StatusAsync() is var status
                && status.GetProperty("waitingCount").GetInt64() == 2
                && status.GetProperty("recentPasses").EnumerateArray().Select(pass => pass.GetProperty("start").GetProperty("reason").GetString()).Reverse()
                    .TakeWhile(reason => reason is not ("Startup" or "Explicit")).Contains("InterruptedRun")
                && (await _service.ExplainAsync(unreadable)).GetProperty("verdict").GetString() == "BackingOff",
            "the run without a readable output was interrupted, and the pass for that had ended");
    }

    /// <summary>A heartbeat that hangs, a saga without a slot, and one that a paused node has got.</summary>
    [Fact]
    public async Task What_does_not_move_reads_the_same_on_all_faces()
    {
        await _service.DisposeAsync();
        _service = await ServiceProcess.StartAsync(
            _database, _coordinator, [.. Settings, "--SagaRecovery:HeartbeatPeriod=00:00:00.200", "--SagaRecovery:Executor:MaxRunningSagas=1"]);
        await _service.FirstPassAsync();
        await _service.StartDemoSagaAsync();
        Guid queued = await _service.StartDemoSagaAsync();
        Guid held = await _service.StartDemoSagaAsync();
        await QueuedIsAsync(2);
        await GiveToPausedNodeAsync(held);

        JsonElement slots = (await _service.ExplainAsync(queued)).GetProperty("slots");
        (slots.GetProperty("running").GetInt32(), slots.GetProperty("limit").GetInt32()).Should().Be((1, 1));
        await _service.ActivateAsync(); // and the run of the other one is stopped
        await QueuedIsAsync(1);
        await AllSayAsync($"/sagas/{queued}/explain", ["explain", $"{queued}"], "waiting for slot (1 of 1 run)");
        (await _service.ExplainAsync(held)).GetProperty("verdict").GetString().Should().Be("HeldByPausedNode");
        await AllSayAsync($"/sagas/{held}/explain", ["explain", $"{held}"], "held by paused node");
        await HealthIsAsync("Healthy");

        await using (var connection = new NpgsqlConnection(_database))
        {
            await connection.OpenAsync();
            await using NpgsqlTransaction locked = await connection.BeginTransactionAsync();
            await connection.ExecuteAsync("select from saga_recovery.saga_coordinator where id = @Id for update", new { Id = _coordinator });
            await Eventually.HoldsAsync(async () => await LateSinceAsync() is not null, "the heartbeat was late");

            await AllSayAsync("", ["status"], "HEARTBEAT LATE: none written for ");
            await HealthIsAsync("Degraded");
            await GaugeIsAsync(1);
            await Eventually.HoldsAsync(() => _service.Output.Any(line => line.Contains("no heartbeat has been written for ", StringComparison.Ordinal)), "the log says so");
        }

        await Eventually.HoldsAsync(async () => await LateSinceAsync() is null, "heartbeats were written again");
        await HealthIsAsync("Healthy");
        await GaugeIsAsync(0);
        (await _service.Http.GetStringAsync("/saga-recovery")).Should().NotContain("HEARTBEAT LATE");

        async Task AllSayAsync(string path, string[] command, string text)
        {
            (await _service.Http.GetStringAsync(TestService.Prefix + path)).Should().Contain(text);
            (await Faces.ToolAsync(_service, command)).Should().Contain(text);
        }

        async Task<string?> LateSinceAsync() => (await _service.StatusAsync()).GetProperty("heartbeat").GetProperty("lateSince").GetString();

        async Task QueuedIsAsync(int queued)
        {
            JsonElement report = await _service.StatusAsync();
            (report.GetProperty("notLoaded").GetInt32(), report.GetProperty("queuedInExecutor").GetInt32(), report.GetProperty("waitingForSlot").GetInt32())
                .Should().Be((0, queued, queued));
            await AllSayAsync("", ["status"], $"sagas waiting for a slot ({queued}): 0 not loaded, {queued} loaded and queued in the executor");
            await Eventually.HoldsAsync(
                async () => (await SumAsync("saga_recovery_runs_waiting"), await SumAsync("saga_recovery_waiting_for_slot")) == (queued, 0), "the two gauges agreed");
        }

        async Task<double> SumAsync(string gauge) => (await _service.Http.GetStringAsync("/metrics")).Split('\n')
            .Where(line => line.StartsWith($"{gauge}{{", StringComparison.Ordinal)).Sum(line => double.Parse(line.Split(' ')[^1], CultureInfo.InvariantCulture));

        Task GaugeIsAsync(int value) => Eventually.HoldsAsync( // the exporter repeats its last answer for a moment
            async () => (await _service.Http.GetStringAsync("/metrics")).Split('\n').Any(
                line => line.StartsWith("saga_recovery_heartbeat_late{", StringComparison.Ordinal) && line.EndsWith($"}} {value}", StringComparison.Ordinal)),
            $"the gauge was {value}");

        async Task HealthIsAsync(string health) => (await _service.Http.GetStringAsync("/ready")).Should().Contain(health);
    }

    /// <summary>Reassigns a saga to a coordinator that answers and is paused.</summary>
    private async Task GiveToPausedNodeAsync(Guid saga)
    {
        await using var connection = new NpgsqlConnection(_database);
        await connection.ExecuteAsync(
            $"""
            {CoordinatorRows.InsertAnswering};
            insert into saga_recovery.saga_recovery_pause (coordinator_id, actor, reason) values (@other, 'ann', 'a look');
            update saga_recovery.saga set current_coordinator = @other, adopt_generation = adopt_generation + 1, adopt_time = clock_timestamp() where id = @saga
            """,
            new { other = Guid.NewGuid(), saga });
    }

    /// <summary>An unfinished saga whose first output this binary cannot read: each of its runs is interrupted.</summary>
    private async Task<Guid> UnreadableOutputAsync()
    {
        var saga = Guid.NewGuid();
        await using var connection = new NpgsqlConnection(_database);
        await connection.ExecuteAsync(
            """
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, current_coordinator)
            select @saga, name, creator, definition_hash, params, 'running', @coordinator
            from saga_recovery.saga where name = 'project-create' and state = 'succeeded' limit 1;
            insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, data, creator)
            values (@saga, 0, 'started', null, @coordinator), (@saga, 0, 'succeeded', '7', @coordinator)
            """,
            new { saga, coordinator = _coordinator });
        return saga;
    }

    /// <summary>Projects under way while demo sagas wait.</summary>
    private async Task<List<Guid>> LoadAsync(int demoSagas, int projects)
    {
        List<Guid> waiting = [];
        await using var load = new ProjectLoad(() => _service, clients: 8, names: $"p-{Guid.NewGuid():N}"[..10]);
        for (int i = 0; i < demoSagas; i++)
        {
            waiting.Add(await _service.StartDemoSagaAsync());
        }

        await Eventually.HoldsAsync(() => load.Promised.Count >= projects, $"{projects} projects were made");
        return waiting;
    }

    private async Task RestartAsync()
    {
        await _service.KillAsync();
        await _service.DisposeAsync();
        _service = await ServiceProcess.StartAsync(_database, _coordinator, Settings);
        await _service.FirstPassAsync();
    }

    /// <summary>Two orphans, and a saga of a silent coordinator; this process has never owned them.</summary>
    private async Task LeaveOthersBehindAsync()
    {
        await using var connection = new NpgsqlConnection(_database);
        await connection.ExecuteAsync(
            $"""
            {CoordinatorRows.InsertDead};
            insert into saga_recovery.saga (id, name, creator, time_created, definition_hash, params, state, current_coordinator, adopt_generation, adopt_time)
            select gen_random_uuid(), name, @dead, now(), definition_hash, params, 'running', owner, 1, now()
            from (select * from saga_recovery.saga limit 1) s, (values (@dead), (@stranger), (null)) as o (owner)
            """,
            new { dead = Guid.NewGuid(), stranger = Guid.NewGuid() });
    }

    private async Task<bool> HasSettledAsync()
    {
        JsonElement report = await _service.StatusAsync();
        return report.GetProperty("drain").GetProperty("phase").GetString() == "Incomplete" && report.GetProperty("cluster").GetProperty("orphans").GetProperty("count").GetInt64() == 2;
    }

    private async Task PerformAsync(string kind)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, TestService.Prefix + kind)
        {
            Headers = { Authorization = ServiceProcess.Operator },
            Content = JsonContent.Create(new { reason = "to see it counted" }),
        };
        (await _service.Http.SendAsync(request)).EnsureSuccessStatusCode();
    }

    /// <summary>Makes its parameters unreadable for this binary: resuming it fails.</summary>
    private async Task MisfitAsync(Guid saga)
    {
        await using var connection = new NpgsqlConnection(_database);
        await connection.ExecuteAsync("update saga_recovery.saga set params = '7' where id = @saga", new { saga });
    }

    private async Task<long> InProgressAsync()
    {
        await using var connection = new NpgsqlConnection(_database);
        return await connection.ExecuteScalarAsync<long>("select count(*) from saga_recovery.saga where state in ('running', 'unwinding')");
    }
}
