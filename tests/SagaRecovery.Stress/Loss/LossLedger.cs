using System.Text.Json.Nodes;
using SagaRecovery.Stress.Reconciliation;

namespace SagaRecovery.Stress.Loss;

/// <summary>All that the database has lost over the rounds of a run: the account outside the database. Not thread-safe.</summary>
/// <param name="kinds">The kinds of loss with rounds.</param>
internal sealed class LossLedger(params IReadOnlyList<string> kinds)
{
    private readonly List<LossRecord> _records = [.. kinds.Select(kind => new LossRecord(kind))];
    private readonly Dictionary<Guid, SagaRow> _lost = [];
    private readonly Dictionary<Guid, string> _firstLoss = [];

    /// <summary>The sagas that some server had and its successor has not, as the dead server had them.</summary>
    public IReadOnlyDictionary<Guid, SagaRow> LostSagas => _lost;

    /// <summary>The logs of the processes that had ended before a loss, and could not notice it.</summary>
    public IReadOnlyList<ProcessLog> EndedBefore { get; init; } = [];

    public int Rounds => _records.Sum(record => record.Rounds);

    /// <summary>True once each kind has lost events, and some kind an end: before that the run has not reached its goal.</summary>
    public bool HasSeenEnough =>
        _records.TrueForAll(record => record.Losses.Any(loss => loss.Events > 0)) && _records.Exists(record => record.Losses.Any(loss => loss.Ends.Count > 0));

    public void Add(string kind, DatabaseLoss loss, LossTimes times)
    {
        _records.Single(record => record.Kind == kind).Add(loss, times);
        foreach (SagaRow saga in loss.Sagas)
        {
            _lost[saga.Id] = saga;
        }

        foreach (Guid saga in loss.InProgress)
        {
            _firstLoss.TryAdd(saga, kind); // a saga that never ends is in progress in all later rounds, too
        }
    }

    /// <param name="run">Receives the figures.</param>
    /// <param name="damage">Sagas that are not as they should be at the end, by the name of the figure.</param>
    public void AddFigures(StressRun run, IReadOnlyDictionary<string, IReadOnlySet<Guid>> damage)
    {
        IEnumerable<DatabaseLoss> losses = _records.SelectMany(record => record.Losses);
        run.Figures["rounds"] = Rounds;
        run.Figures["sagasLost"] = losses.Sum(loss => loss.Sagas.Count);
        run.Figures["endsLost"] = losses.Sum(loss => loss.Ends.Count);
        run.Figures["eventsLost"] = losses.Sum(loss => loss.Events);
        foreach ((string figure, IReadOnlySet<Guid> sagas) in damage)
        {
            run.Figures[figure] = sagas.Count;
        }

        run.Figures["kinds"] = new JsonArray([.. _records.Select(record => record.ToJson(damage, Blames))]);
    }

    private bool Blames(string kind, Guid saga) => _firstLoss.TryGetValue(saga, out string? first) && first == kind;
}
