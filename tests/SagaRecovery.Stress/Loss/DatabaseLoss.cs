namespace SagaRecovery.Stress.Loss;

/// <summary>The commits that the database lost when one server took the place of another. Pure.</summary>
/// <param name="Sagas">The sagas that the old server had and the new one has not.</param>
/// <param name="Ends">The sagas that had ended on the old server and are in progress on the new one.</param>
/// <param name="Events">The number of events that only the old server had, those of lost sagas included.</param>
/// <param name="InProgress">The sagas that the new server has in progress at its start.</param>
internal sealed record DatabaseLoss(
    IReadOnlyList<SagaRow> Sagas, IReadOnlyList<Guid> Ends, int Events, IReadOnlySet<Guid> InProgress)
{
    /// <param name="old">All that was committed.</param>
    /// <param name="kept">The initial data of the new server.</param>
    public static DatabaseLoss Between(SagaSnapshot old, SagaSnapshot kept) => new(
        [.. old.Sagas.Values.Where(saga => !kept.Sagas.ContainsKey(saga.Id))],
        [.. old.Sagas.Values.Where(saga => !saga.IsInProgress && kept.Sagas.TryGetValue(saga.Id, out SagaRow? now) && now.IsInProgress).Select(saga => saga.Id)],
        old.Events.Count(one => !kept.Events.Contains(one)),
        kept.InProgress.ToHashSet());

    public override string ToString() => $"{Sagas.Count} sagas, {Ends.Count} ends, {Events} events lost";

    /// <summary>Finds a new server that has what the old one never had: then the scenario read one of the two wrongly.</summary>
    public static bool IsBackwards(SagaSnapshot old, SagaSnapshot kept) =>
        kept.Sagas.Keys.Any(saga => !old.Sagas.ContainsKey(saga)) || kept.Events.Any(one => !old.Events.Contains(one));
}
