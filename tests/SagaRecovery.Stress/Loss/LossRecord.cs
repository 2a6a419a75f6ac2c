using System.Text.Json.Nodes;

namespace SagaRecovery.Stress.Loss;

/// <summary>The rounds with losses of one kind, and their figures.</summary>
internal sealed class LossRecord(string kind)
{
    private readonly List<(DatabaseLoss Loss, LossTimes Times)> _rounds = [];

    public string Kind => kind;

    public int Rounds => _rounds.Count;

    public IEnumerable<DatabaseLoss> Losses => _rounds.Select(round => round.Loss);

    public void Add(DatabaseLoss loss, LossTimes times) => _rounds.Add((loss, times));

    /// <param name="damage">Sagas that are not as they should be at the end, by the name of the figure.</param>
    /// <param name="blames">Returns the sagas whose first loss was in a round of this kind.</param>
    public JsonObject ToJson(IReadOnlyDictionary<string, IReadOnlySet<Guid>> damage, Func<string, Guid, bool> blames)
    {
        var json = new JsonObject
        {
            ["kind"] = kind,
            ["rounds"] = Rounds,
            ["inFlight"] = Losses.Sum(loss => loss.InProgress.Count),
            ["sagasLost"] = Losses.Sum(loss => loss.Sagas.Count),
            ["endsLost"] = Losses.Sum(loss => loss.Ends.Count),
            ["eventsLost"] = Losses.Sum(loss => loss.Events),
        };
        foreach ((string figure, IReadOnlySet<Guid> sagas) in damage)
        {
            json[figure] = sagas.Count(saga => blames(kind, saga));
        }

        json["slowestDatabaseMs"] = Slowest(times => times.Database);
        json["slowestPassMs"] = Slowest(times => times.Pass);
        json["slowestProjectMs"] = Slowest(times => times.Project);
        return json;
    }

    private double? Slowest(Func<LossTimes, TimeSpan?> of) =>
        Rounds > 0 && _rounds.Max(round => of(round.Times)) is { } slowest ? Math.Round(slowest.TotalMilliseconds) : null;
}
