using System.Text.Json.Nodes;

namespace SagaRecovery.Stress.Loss;

/// <summary>All that the database has lost over the rounds of a run: the account outside the database. Not thread-safe.</summary>
/// <param name="lags">The lags that there are rounds of.</param>
internal sealed class LossLedger(IReadOnlyList<TimeSpan> lags)
{
    private readonly List<LossRecord> _records = [.. lags.Select(lag => new LossRecord(lag))];
    private readonly Dictionary<Guid, SagaRow> _lost = [];
    private readonly Dictionary<Guid, TimeSpan> _firstRound = [];

    /// <summary>The sagas that some server had and its successor has not, as they were when they were lost.</summary>
    public IReadOnlyDictionary<Guid, SagaRow> LostSagas => _lost;

    public int Rounds => _records.Sum(record => record.Rounds);

    /// <summary>Whether each lag has had as many rounds that lost anything as asked.</summary>
    public bool EachHasLost(int rounds) => _records.TrueForAll(record => record.Losses.Count(loss => loss.Events > 0) >= rounds);

    public void Add(TimeSpan lag, DatabaseLoss loss, LossTimes times)
    {
        _records.Single(record => record.Lag == lag).Add(loss, times);
        foreach (SagaRow saga in loss.Sagas)
        {
            _lost[saga.Id] = saga;
        }

        foreach (Guid saga in loss.InProgress)
        {
            _firstRound.TryAdd(saga, lag); // a saga that never ends is in progress in all later rounds, too
        }
    }

    /// <param name="run">Is given the figures.</param>
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

        run.Figures["lags"] = new JsonArray([.. _records.Select(record => record.ToJson(damage, Blames))]);
    }

    /// <summary>Whether a saga met its first loss in a round with this lag.</summary>
    private bool Blames(TimeSpan lag, Guid saga) => _firstRound.TryGetValue(saga, out TimeSpan first) && first == lag;
}
