using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Tests.Contracts;

/// <content>Definitions and changed shapes.</content>
internal sealed partial class FaultyStore
{
    private readonly HashSet<DefinitionHash> _storedRefused = [];

    public async Task<UnknownDefinitions> FindUnknownAsync(
        CoordinatorId coordinator, IReadOnlyCollection<RunnableDefinition> registered, int limit, CancellationToken cancellationToken)
    {
        registered = Is(Fault.ForgetsAnyDag) ? [.. registered.Where(one => !one.AnyDag)] : registered;
        UnknownDefinitions found = await Inner.FindUnknownAsync(coordinator, registered, limit, cancellationToken);
        IEnumerable<UnknownDefinition> ended = Inner.Sagas
            .Where(saga => saga.State == SagaState.Succeeded && saga.Owner == coordinator)
            .Select(saga => new UnknownDefinition(saga.Definition, Unfinished: 1));
        return fault switch
        {
            Fault.FindsEndedUnknown => found with { Definitions = [.. found.Definitions, .. ended] },
            Fault.CountsOnlyReturned => found with { Count = found.Definitions.Count },
            _ => found,
        };
    }

    public Task<IReadOnlyList<SavedDefinition>> FindConflictsAsync(
        CoordinatorId coordinator,
        IReadOnlyCollection<RunnableDefinition> definitions,
        IReadOnlyCollection<DefinitionHash> registered,
        CancellationToken cancellationToken) => Inner.FindConflictsAsync(coordinator, definitions, registered, cancellationToken);

    public async Task<IReadOnlyList<SavedDefinition>> StoreAsync(
        Membership member, SavedDefinition definition, IReadOnlyCollection<DefinitionHash> registered, CancellationToken cancellationToken)
    {
        Membership writer = Is(Fault.StoresForOldIncarnations) ? _latest[member.Coordinator] : member;
        IReadOnlyList<SavedDefinition> conflicts = await Inner.StoreAsync(
            writer, definition, Is(Fault.RefusesBesideRegistered) ? [] : registered, cancellationToken);
        SavedDefinition[] others = [.. Inner.Sagas.Select(saga => saga.Definition).Where(other => other.Name == definition.Name && !registered.Contains(other.Hash))];
        if (Is(Fault.RefusesNothing) || (Is(Fault.StoresRefused) && conflicts.Count > 0 && !_storedRefused.Add(definition.Hash)))
        {
            return [];
        }

        return fault switch
        {
            Fault.RefusesForEnded when others.Any(other => other.Version == definition.Version) => others,
            Fault.RefusesOtherVersions when others.Any(other => other.Version != definition.Version) => others,
            Fault.RefusesStored when conflicts.Count == 0 && Inner.Sagas.Any(saga => saga.Definition.Hash == definition.Hash) => [definition],
            _ => conflicts,
        };
    }

    public async Task<DefinitionList> ListAsync(CancellationToken cancellationToken)
    {
        DefinitionList list = await Inner.ListAsync(cancellationToken);
        int unwinding = Inner.Sagas.Count(saga => saga.State == SagaState.Unwinding);
        return fault switch
        {
            Fault.CountsUnwindingEnded => list with
            {
                Definitions = [.. list.Definitions.Select(one => one with { Unfinished = one.Unfinished - unwinding, Ended = one.Ended + unwinding })],
            },
            Fault.ListsOnlyStarted => list with { Definitions = [.. list.Definitions.Where(one => one.Unfinished + one.Ended > 0)] },
            _ => list,
        };
    }
}
