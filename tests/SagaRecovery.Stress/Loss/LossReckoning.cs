using System.Globalization;
using SagaRecovery.Stress.Reconciliation;

namespace SagaRecovery.Stress.Loss;

/// <summary>
/// The end of a run in which the database lost commits: what the surviving database knows has ended and is whole, and what it does not
/// know is what the dead servers prove to be lost. The account is kept outside the database: clients, logs, and the dead servers' data.
/// </summary>
internal static class LossReckoning
{
    private static readonly TimeSpan WaitTimeout = TimeSpan.FromSeconds(60);

    private static readonly string[] s_ends = ["succeeded", "unwound"];

    /// <param name="run">Receives the violations and the figures.</param>
    /// <param name="stage">A stage with a running service and no further faults.</param>
    /// <param name="ledger">The losses of the database.</param>
    /// <param name="load">All clients of the run.</param>
    public static async Task ReconcileAsync(StressRun run, Stage stage, LossLedger ledger, LossyLoad load)
    {
        run.Log("reconciling");
        await load.EndAsync();
        IReadOnlyDictionary<string, IReadOnlySet<Guid>> damage = await CheckSagasAsync(run, stage);
        ledger.AddFigures(run, damage);
        await CheckTheServiceRestsAsync(run, stage.Present!);
        IReadOnlyDictionary<Guid, string> states = await stage.Ledger.StatesAsync();
        IReadOnlyList<ProcessLog> logs = stage.Logs;
        CheckAnswers(run, states, ledger, load.Slow);
        CheckLog(run, states, ledger, logs);
        CheckTheServiceNamesLostSagas(run, ledger, logs);
        await CheckPromisesAsync(run, stage, ledger, load.Projects);
        await Reckoning.CheckStatusAsync(run, stage.Present!);
        Reckoning.AddFigures(run, logs);
        run.Figures["requestsRefusedOrCut"] = load.Projects.Others + load.Slow.Others;
        run.Require(logs.Sum(log => log.Count(LogEventId.ProtocolViolation)) == 0, "a saga was inserted before it was announced");
    }

    /// <summary>Every saga that the database knows has ended, and its log is consistent.</summary>
    /// <returns>The sagas that violate this.</returns>
    private static async Task<IReadOnlyDictionary<string, IReadOnlySet<Guid>>> CheckSagasAsync(StressRun run, Stage stage)
    {
        IReadOnlyList<Guid> unfinished = await UnfinishedAsync(stage);
        List<string> stories = [];
        foreach (Guid saga in unfinished)
        {
            stories.Add($"saga {saga}: {await stage.Present!.ExplainAsync(saga)}");
        }

        RequireNone(run, "sagas never end", stories);
        IReadOnlyDictionary<Guid, string> states = await stage.Ledger.StatesAsync();
        HashSet<Guid> abandoned = [.. states.Where(saga => saga.Value == "abandoned").Select(saga => saga.Key)];
        RequireNone(run, "sagas are abandoned", abandoned.Select(saga => $"saga {saga}"));
        HashSet<Guid> stuck = [.. states.Where(saga => saga.Value == "stuck").Select(saga => saga.Key)];
        RequireNone(run, "sagas are stuck", stuck.Select(saga => $"saga {saga}"));
        (Guid Saga, string Hole)[] holes = [.. await stage.Ledger.GapsAsync()];
        RequireNone(run, "holes are in logs", holes.Select(hole => $"saga {hole.Saga}: {hole.Hole}"));
        RequireNone(run, "sagas had more writers than owners", await stage.Ledger.SagasOfTwoWritersAsync());
        RequireNone(
            run, "unwound sagas kept a node", (await stage.Ledger.UnwoundSagasWithNodesNotUndoneAsync()).Select(saga => $"saga {saga}"));
        long odd = await stage.Ledger.SucceededSagasThatDoNotAddUpAsync();
        run.Require(odd == 0, $"{odd} succeeded sagas have a node that did not start and succeed exactly once");
        run.Figures["sagas"] = states.Count;
        foreach (string end in s_ends)
        {
            run.Figures[end] = states.Values.Count(state => state == end);
        }

        run.Figures["holes"] = holes.Length;
        return new Dictionary<string, IReadOnlySet<Guid>>(StringComparer.Ordinal)
        {
            ["neverEnd"] = unfinished.ToHashSet(),
            ["abandoned"] = abandoned,
            ["stuck"] = stuck,
            ["sagasWithHoles"] = holes.Select(hole => hole.Saga).ToHashSet(),
        };
    }

    private static async Task<IReadOnlyList<Guid>> UnfinishedAsync(Stage stage)
    {
        IReadOnlyList<Guid> unfinished = [];
        try
        {
            await Eventually.HoldsAsync(
                async () => (unfinished = await stage.Ledger.SagasInProgressAsync()).Count == 0, "every saga had ended", WaitTimeout);
        }
        catch (TimeoutException)
        {
            // the caller reports the rest
        }

        return unfinished;
    }

    /// <summary>The service runs and tracks no saga any more.</summary>
    private static async Task CheckTheServiceRestsAsync(StressRun run, ServiceProcess service)
    {
        int tracked = 0;
        double runs = 0;
        try
        {
            await Eventually.HoldsAsync(
                async () =>
                {
                    tracked = (await service.StatusAsync()).GetProperty("tracked").GetInt32();
                    runs = await RunsAsync(service);
                    return tracked == 0 && runs == 0;
                },
                "the service tracked and ran nothing",
                WaitTimeout);
        }
        catch (TimeoutException)
        {
            run.Require(holds: false, $"the load has ended, and the service tracks {tracked} sagas and runs {runs}");
        }

        run.Figures["trackedAtTheEnd"] = tracked;
        run.Figures["runningAtTheEnd"] = runs;
    }

    private static async Task<double> RunsAsync(ServiceProcess service)
    {
        string metrics = await service.Http.GetStringAsync(new Uri("/metrics", UriKind.Relative));
        return metrics.Split('\n').Where(line => line.StartsWith("saga_recovery_runs{", StringComparison.Ordinal)) // one for each definition
            .Sum(line => double.Parse(line[(line.IndexOf('}', StringComparison.Ordinal) + 1)..].Trim().Split(' ')[0], CultureInfo.InvariantCulture));
    }

    /// <summary>A saga whose end was answered to a client has that end in the database, or is lost.</summary>
    private static void CheckAnswers(StressRun run, IReadOnlyDictionary<Guid, string> states, LossLedger ledger, SlowLoad slow)
    {
        RequireNone(run, "answers differ from the database", slow.Answered
            .Where(answer => !Explains(states, ledger, answer.Key, answer.Value))
            .Select(answer => $"saga {answer.Key}: answered {answer.Value}, is {states.GetValueOrDefault(answer.Key, "missing")}"));
        run.Figures["slowAnswered"] = slow.Answered.Count;
    }

    /// <summary>The last end of a saga in the log is the one in the database, or the saga is lost.</summary>
    private static void CheckLog(StressRun run, IReadOnlyDictionary<Guid, string> states, LossLedger ledger, IReadOnlyList<ProcessLog> logs)
    {
        var last = new Dictionary<Guid, string>();
        foreach (LogLine line in logs.SelectMany(log => log.Of(LogEventId.Succeeded, LogEventId.Unwound)))
        {
            last[line.Saga!.Value] = line.Id == LogEventId.Succeeded ? "succeeded" : "unwound";
        }

        RequireNone(run, "ends in the log differ from the database", last
            .Where(end => !Explains(states, ledger, end.Key, end.Value))
            .Select(end => $"saga {end.Key}: logged as {end.Value}, is {states.GetValueOrDefault(end.Key, "missing")}"));
    }

    /// <summary>Accepts an end that the database has, or of a lost saga. A saga in progress is reported elsewhere, as never ending.</summary>
    private static bool Explains(IReadOnlyDictionary<Guid, string> states, LossLedger ledger, Guid saga, string end) =>
        states.TryGetValue(saga, out string? state) ? state == end || state is "running" or "unwinding" : ledger.LostSagas.ContainsKey(saga);

    /// <summary>
    /// The one place where the sagas that the service calls lost are compared with those that are: it names no other, and each that it
    /// had started and not finished. A process that was fenced runs no pass any more, and names none; nor does one that had ended before the loss.
    /// </summary>
    private static void CheckTheServiceNamesLostSagas(StressRun run, LossLedger ledger, IReadOnlyList<ProcessLog> logs)
    {
        HashSet<Guid> named = [.. logs.SelectMany(log => log.Of(LogEventId.LostByDatabase)).Select(line => line.Saga!.Value)];
        HashSet<Guid> begun = [.. logs.Except(ledger.EndedBefore).Where(log => !log.Of(LogEventId.Fenced).Any()).SelectMany(log => log.Of(LogEventId.Started, LogEventId.Resumed)).Select(line => line.Saga!.Value)];
        Guid[] ranAndLost = [.. ledger.LostSagas.Values.Where(saga => saga.IsInProgress && begun.Contains(saga.Id)).Select(saga => saga.Id)];
        RequireNone(
            run, "sagas are called lost and are not", named.Where(saga => !ledger.LostSagas.ContainsKey(saga)).Select(saga => $"saga {saga}"));
        RequireNone(
            run, "lost sagas are not named", ranAndLost.Where(saga => !named.Contains(saga)).Select(saga => $"saga {saga}"));

        run.Figures["lostWhileTheyRan"] = ranAndLost.Length;
        run.Figures["lostAndNamed"] = named.Count;
    }

    /// <summary>
    /// A project that was answered with 201 is missing only if the database lost its saga. The rows are written in the transactions of the events that
    /// say so, so that either both are lost or neither is.
    /// </summary>
    private static async Task CheckPromisesAsync(StressRun run, Stage stage, LossLedger ledger, ProjectLoad load)
    {
        IReadOnlySet<string> whole = await stage.Ledger.WholeProjectsAsync();
        IReadOnlySet<string> inProgress = await stage.Ledger.ProjectsInProgressAsync();
        HashSet<string> lost = [.. ledger.LostSagas.Values.Select(saga => saga.Project).OfType<string>()];
        string[] broken = [.. load.Promised.Where(name => !whole.Contains(name))];
        run.Figures["projectsPromised"] = load.Promised.Count;
        run.Figures["promisedAndLost"] = broken.Count(lost.Contains);
        run.Figures["promisedAndUnfinished"] = broken.Count(name => !lost.Contains(name) && inProgress.Contains(name));
        RequireNone(
            run,
            "projects were answered, and are not whole although their sagas have ended",
            broken.Where(name => !lost.Contains(name) && !inProgress.Contains(name)).Select(name => $"'{name}'"));
        RequireNone(run, "projects are there without their sagas", (await stage.Ledger.ProjectsWithoutSagaAsync()).Select(name => $"'{name}'"));
        RequireNone(run, "names were taken when they were asked for the first time", load.Taken.Select(name => $"'{name}'"));
    }

    /// <summary>Records violations in one line: their number, and the first few.</summary>
    private static void RequireNone(StressRun run, string what, IEnumerable<string> wrong)
    {
        const int Shown = 3;
        string[] all = [.. wrong];
        run.Require(all.Length == 0, $"{all.Length} {what}: {string.Join("; ", all.Take(Shown))}{(all.Length > Shown ? "; …" : "")}");
    }
}
