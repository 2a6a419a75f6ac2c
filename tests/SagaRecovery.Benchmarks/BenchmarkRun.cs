using System.Text.Json.Nodes;
using SagaRecovery.Benchmarks.Areas;
using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks;

/// <summary>One run over some areas: the server, the scope, and the measurements. Used by one flow; not thread-safe.</summary>
internal sealed class BenchmarkRun
{
    private readonly List<Measurement> _measurements = [];
    private readonly List<Goal> _goals = [];
    private readonly List<PeerDescription> _peers = [];
    private readonly ProgressLines _progress;

    private BenchmarkRun(BenchmarkServer server, Scope scope, ProgressLines progress)
    {
        Server = server;
        Scope = scope;
        _progress = progress;
    }

    public BenchmarkServer Server { get; }

    public Scope Scope { get; }

    /// <summary>The result of BenchmarkDotNet for the core, in its own form; null: it did not run.</summary>
    public JsonNode? BenchmarkDotNet { get; set; }

    public static async Task<BenchmarkReport> RunAsync(IReadOnlyList<Area> areas, Scope scope, TextWriter progress)
    {
        var lines = new ProgressLines(progress);
        await using BenchmarkServer server = await BenchmarkServer.StartAsync(scope.WarmUpSagas, lines.Log, scope.IsDurable);
        var run = new BenchmarkRun(server, scope, lines);
        string machine = await Machine.DescribeAsync(server);
        foreach (Area area in areas)
        {
            await area.RunAsync(run);
        }

        return new BenchmarkReport(machine, run._measurements, run._goals, run.BenchmarkDotNet) { Peers = run._peers };
    }

    /// <summary>Measures subjects in turns, A B A B, each turn in a process of its own.</summary>
    /// <param name="area">The name of the area.</param>
    /// <param name="what">A short description of the operation.</param>
    /// <param name="task">The task of the subjects.</param>
    /// <param name="subjects">The subjects; the first is ours, and the reference of the ratio is named.</param>
    /// <param name="reference">The subject that the others are compared with; null: none.</param>
    /// <param name="beforeEach">Restores the initial state of the database before each turn.</param>
    /// <param name="order">The number of turns and their order; null: as many as the size allows, A B A B.</param>
    public Task<IReadOnlyList<Measurement>> MeasureAsync(
        string area,
        string what,
        SubjectTask task,
        IReadOnlyList<string> subjects,
        string? reference,
        Func<Task> beforeEach,
        TurnOrder? order = null)
    {
        return MeasureAsync(area, what, task.Size, subjects, reference, order ?? new TurnOrder(Scope.TurnsFor(task.Sagas)), async subject =>
        {
            await beforeEach();
            return await SubjectProcess.StartAsync(subject, task with { WarmUpRounds = Scope.WarmUpRounds });
        });
    }

    /// <summary>Measures subjects in turns.</summary>
    /// <param name="area">The name of the area.</param>
    /// <param name="what">A short description of the operation.</param>
    /// <param name="size">The size that distinguishes measurements.</param>
    /// <param name="subjects">The subjects.</param>
    /// <param name="reference">The subject that the others are compared with; null: none.</param>
    /// <param name="order">The number of turns and their order.</param>
    /// <param name="turnOf">Measures a subject once.</param>
    public async Task<IReadOnlyList<Measurement>> MeasureAsync(
        string area, string what, int size, IReadOnlyList<string> subjects, string? reference, TurnOrder order, Func<string, Task<SubjectResult>> turnOf)
    {
        Dictionary<string, List<SubjectResult>> results = subjects.ToDictionary(subject => subject, _ => new List<SubjectResult>());
        for (int turn = 1; turn <= order.Turns; turn++)
        {
            foreach (string subject in order.IsReversed(turn) ? subjects.Reverse() : subjects)
            {
                SubjectResult result = await turnOf(subject);
                results[subject].Add(result);
                Log($"{area}, {what}, {size:N0}: {subject} {Figures.Time(result[Metric.Seconds]!.Value)} (turn {turn})");
            }
        }

        Measurement[] measured = [.. subjects.Select(subject => new Measurement(area, what, size, subject, reference, results[subject]))];
        _measurements.AddRange(measured);
        return measured;
    }

    /// <summary>Adds measurements from elsewhere.</summary>
    public void Add(IEnumerable<Measurement> measured) => _measurements.AddRange(measured);

    public void Describe(IEnumerable<PeerDescription> peers) => _peers.AddRange(peers);

    public void Judge(Goal goal) => _goals.Add(goal);

    public void Log(string what) => _progress.Log(what);
}
