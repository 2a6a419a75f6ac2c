using System.Text.Json;

namespace SagaRecovery.Stress.Reconciliation;

/// <summary>The end of a scenario: no saga is lost, none ran twice, and all accounts agree.</summary>
internal static class Reckoning
{
    /// <summary>The maximum number of sagas that do not end and are explained.</summary>
    private const int ExplainedSagas = 3;

    private const string Unwound = "project-create unwound";

    /// <summary>The time in which sagas in progress have to end, once no fault delays them: a period of the service, and a margin.</summary>
    private static readonly TimeSpan WaitTimeout = TimeSpan.FromSeconds(90);

    /// <param name="run">Receives the violations and the figures.</param>
    /// <param name="stage">A stage with a running service and no further faults.</param>
    /// <param name="loads">All clients of the run.</param>
    public static async Task ReconcileAsync(StressRun run, Stage stage, params IReadOnlyList<ProjectLoad> loads)
    {
        run.Log("reconciling");
        foreach (ProjectLoad load in loads)
        {
            await load.EndAsync();
        }

        IReadOnlyDictionary<string, long> states = await StatesAtTheEndAsync(stage);
        await CheckLedgerAsync(run, stage, states);
        long lost = states.Keys.Any(IsInProgress) ? await SagasThatDoNotEndAsync(run, stage) : 0;
        lost += await PromisesBrokenAsync(run, stage, loads);
        await CheckStatusAsync(run, stage.Present!);

        IReadOnlyList<ProcessLog> logs = stage.Logs;
        IReadOnlyList<string> twice =
        [
            .. stage.SagasAreReassigned ? LoggedRuns.EndedTwice(logs) : LoggedRuns.Twice(logs),
            .. stage.SagasAreReassigned ? await stage.Ledger.SagasOfTwoWritersAsync() : [],
            .. loads.SelectMany(load => load.Taken).Select(name => $"'{name}' was taken when it was asked for the first time"),
        ];
        run.RequireNone(twice);
        run.Figures["lost"] = lost;
        run.Figures["runTwice"] = twice.Count;
        AddFigures(run, logs);
        run.Require(logs.Sum(log => log.Count(LogEventId.ProtocolViolation)) == 0, "a saga was inserted before it was announced");
    }

    /// <summary>Compares a status that was just read with the log, once the log has reached the same point.</summary>
    public static async Task CheckStatusAsync(StressRun run, ServiceProcess service)
    {
        JsonElement status = await service.StatusAsync();
        IReadOnlyList<string>? differences = null;
        await Eventually.HoldsAsync(
            () => (differences = Totals.Differ(status, ProcessLog.Read(service.Output))) is not null, "the log had come as far as the status");
        run.RequireNone(differences!);
    }

    private static async Task<long> SagasThatDoNotEndAsync(StressRun run, Stage stage)
    {
        IReadOnlyList<Guid> lost = await stage.Ledger.SagasInProgressAsync();
        run.RequireNone(lost.Select(saga => $"saga {saga} does not end"));
        foreach (Guid saga in lost.Take(ExplainedSagas))
        {
            await ExplainAsync(run, stage, saga);
        }

        return lost.Count;
    }

    /// <summary>Logs what the service says about a saga that does not end.</summary>
    private static async Task ExplainAsync(StressRun run, Stage stage, Guid saga)
    {
        if (stage.Present is not { } service)
        {
            return;
        }

        run.Log(await service.Http.GetStringAsync($"/saga-recovery/sagas/{saga}/explain"));
        foreach (string line in service.Output.Where(line => line.Contains(saga.ToString(), StringComparison.Ordinal) || line.Contains(" WRN ", StringComparison.Ordinal)).TakeLast(40))
        {
            run.Log(line);
        }
    }

    private static async Task<long> PromisesBrokenAsync(StressRun run, Stage stage, IReadOnlyList<ProjectLoad> loads)
    {
        IReadOnlySet<string> whole = await stage.Ledger.WholeProjectsAsync();
        string[] promised = [.. loads.SelectMany(load => load.Promised)];
        string[] broken = [.. promised.Where(name => !whole.Contains(name))];
        run.RequireNone(broken.Select(name => $"project '{name}' was answered with 201 and is missing or not whole"));
        run.Require(promised.Distinct(StringComparer.Ordinal).Count() == promised.Length, "a name was answered with 201 twice");
        run.Figures["projects"] = whole.Count;
        run.Figures["projectsPromised"] = promised.Length;
        run.Figures["requestsRefusedOrCut"] = loads.Sum(load => load.Others);
        return broken.Length;
    }

    /// <summary>
    /// Every saga that is not doomed succeeds: no name is requested twice, and no outage of the database makes an action fail.
    /// Those that unwind leave nothing behind.
    /// </summary>
    private static async Task CheckLedgerAsync(StressRun run, Stage stage, IReadOnlyDictionary<string, long> states)
    {
        run.RequireNone(states.Keys
            .Where(key => !key.EndsWith(" succeeded", StringComparison.Ordinal) && !(stage.SagasUnwind && key == Unwound))
            .Select(key => $"{states[key]} sagas are '{key}'"));
        run.Require(await stage.Ledger.SucceededSagasThatDoNotAddUpAsync() == 0, "a succeeded saga has a node that did not start and succeed exactly once");
        run.RequireNone(await stage.Ledger.UnwoundSagasThatDoNotAddUpAsync());
        run.Require(await stage.Ledger.OrphansAsync() == 0, "a row of the control plane belongs to nothing");
        long projects = await stage.Ledger.ProjectsAsync();
        long made = states.GetValueOrDefault("project-create succeeded");
        run.Require(projects == made, $"{made} sagas made {projects} projects");
        run.Figures["sagas"] = states.Values.Sum();
        if (stage.SagasUnwind)
        {
            run.Figures["unwound"] = states.GetValueOrDefault(Unwound);
        }
    }

    /// <summary>
    /// The number of sagas in each state, once none is in progress. Read in one statement, since one can be added when all have
    /// ended: a statement on a connection that was cut may reach the server, and insert a saga, after its caller has stopped waiting.
    /// </summary>
    private static async Task<IReadOnlyDictionary<string, long>> StatesAtTheEndAsync(Stage stage)
    {
        IReadOnlyDictionary<string, long> states = await stage.Ledger.SagasByStateAsync();
        try
        {
            await Eventually.HoldsAsync(
                async () => !(states = await stage.Ledger.SagasByStateAsync()).Keys.Any(IsInProgress), "every saga had ended", WaitTimeout);
        }
        catch (TimeoutException)
        {
            // those that are in progress are reported
        }

        return states;
    }

    private static bool IsInProgress(string key) =>
        key.EndsWith(" running", StringComparison.Ordinal) || key.EndsWith(" unwinding", StringComparison.Ordinal);

    public static void AddFigures(StressRun run, IReadOnlyList<ProcessLog> logs)
    {
        run.Figures["processes"] = logs.Count;
        run.Figures["passes"] = logs.Sum(log => log.Count(LogEventId.PassComplete));
        run.Figures["failedPasses"] = logs.Sum(log => log.Count(LogEventId.PassFailed));
        run.Figures["recovered"] = logs.Sum(log => log.Count(LogEventId.Recovered));
        run.Figures["failedToRecover"] = logs.Sum(log => log.Count(LogEventId.FailedToRecover));
        run.Figures["skipped"] = logs.Sum(log => log.Sum(LogEventId.PassComplete, "skipped"));
        run.Figures["interrupted"] = logs.Sum(log => log.Count(LogEventId.RunInterrupted));
    }
}
