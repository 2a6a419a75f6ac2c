namespace SagaRecovery.Storage;

/// <summary>A definition that this process cannot run, with the number of unfinished sagas that have it.</summary>
/// <param name="Definition">The definition. Its DAG is empty, and its version 0, if the store has lost it.</param>
/// <param name="Unfinished">The number of sagas.</param>
public sealed record UnknownDefinition(SavedDefinition Definition, long Unfinished);

/// <summary>The definitions of unfinished sagas that a process cannot run.</summary>
/// <param name="Definitions">Those with the most sagas.</param>
/// <param name="Count">The number of all such definitions.</param>
/// <param name="Unfinished">The number of all their unfinished sagas.</param>
public sealed record UnknownDefinitions(IReadOnlyList<UnknownDefinition> Definitions, long Count, long Unfinished);

/// <summary>The need for a definition: the answer to the question if its class may be deleted.</summary>
public enum DefinitionNeed
{
    /// <summary>No unfinished saga has it. Its class may be deleted, unless the program starts sagas of it.</summary>
    None,

    /// <summary>No unfinished saga has it, but stuck ones do: they need it if an operator retries or skips an undo.</summary>
    StuckSagas,

    /// <summary>Unfinished sagas have it, and a process can run them.</summary>
    UnfinishedSagas,

    /// <summary>Unfinished sagas have it, and no process that answers can run them.</summary>
    NotRunnable,
}

/// <summary>A stored or published definition.</summary>
/// <param name="Hash">The hash; null for a definition of any DAG of which no saga was started.</param>
/// <param name="Name">The name.</param>
/// <param name="Version">The version; 0 if the store has lost the definition.</param>
/// <param name="Unfinished">The number of unfinished sagas.</param>
/// <param name="Ended">
/// The number of sagas that have ended, including stuck ones. The store counts them up to <see cref="DefinitionList.EndedLimit"/>.
/// </param>
/// <param name="Stuck">The number of stuck sagas.</param>
/// <param name="RunBy">The active coordinators that publish it and answer. <see cref="DefinitionList.RunAny"/> has more.</param>
/// <param name="Need">The need for it.</param>
public sealed record DefinitionDetails(
    DefinitionHash? Hash, string Name, int Version, long Unfinished, long Ended, long Stuck, IReadOnlyList<CoordinatorId> RunBy, DefinitionNeed Need);

/// <summary>All definitions on a store.</summary>
/// <param name="Definitions">The definitions, by name, version and hash.</param>
/// <param name="RunAny">The active coordinators that answer and do not publish definitions. They count as able to run any.</param>
public sealed record DefinitionList(IReadOnlyList<DefinitionDetails> Definitions, IReadOnlyList<CoordinatorId> RunAny)
{
    /// <summary>The number up to which the ended sagas of a definition are counted.</summary>
    public const int EndedLimit = 1_000;

    /// <summary>Combines what is stored with what is published.</summary>
    /// <param name="stored">The stored definitions, with the numbers of their sagas.</param>
    /// <param name="published">The definitions that active coordinators publish.</param>
    /// <param name="runAny">The active coordinators that publish none.</param>
    internal static DefinitionList Of(
        IReadOnlyCollection<DefinitionCount> stored,
        IReadOnlyCollection<(CoordinatorId By, RunnableDefinition Definition)> published,
        IReadOnlyList<CoordinatorId> runAny)
    {
        ILookup<DefinitionHash, CoordinatorId> byHash = published.Where(one => !one.Definition.AnyDag).ToLookup(one => one.Definition.Hash, one => one.By);
        ILookup<(string, int), CoordinatorId> ofAnyDag = published
            .Where(one => one.Definition.AnyDag)
            .ToLookup(one => (one.Definition.Name, one.Definition.Version), one => one.By);
        HashSet<DefinitionHash> hashes = [.. stored.Select(one => one.Hash)];
        HashSet<(string, int)> versions = [.. stored.Select(one => (one.Name, one.Version))];
        IEnumerable<DefinitionDetails> neverStarted = published
            .Where(one => one.Definition.AnyDag ? !versions.Contains((one.Definition.Name, one.Definition.Version)) : !hashes.Contains(one.Definition.Hash))
            .Select(one => one.Definition)
            .DistinctBy(one => one.Hash)
            .Select(one => Describe(new DefinitionCount(one.Hash, one.Name, one.Version, Unfinished: 0, Ended: 0, Stuck: 0)) with { Hash = one.AnyDag ? null : one.Hash });
        return new DefinitionList(
            [
                .. stored.Select(Describe).Concat(neverStarted)
                    .OrderBy(one => one.Name, StringComparer.Ordinal).ThenBy(one => one.Version).ThenBy(one => one.Hash?.ToString(), StringComparer.Ordinal),
            ],
            runAny);

        DefinitionDetails Describe(DefinitionCount one)
        {
            CoordinatorId[] runBy = [.. byHash[one.Hash].Concat(ofAnyDag[(one.Name, one.Version)]).Distinct().OrderBy(id => id.Value)];
            DefinitionNeed need = one.Unfinished > 0
                ? runBy.Length + runAny.Count > 0 ? DefinitionNeed.UnfinishedSagas : DefinitionNeed.NotRunnable
                : one.Stuck > 0 ? DefinitionNeed.StuckSagas : DefinitionNeed.None;
            return new DefinitionDetails(one.Hash, one.Name, one.Version, one.Unfinished, one.Ended, one.Stuck, runBy, need);
        }
    }
}

/// <summary>A stored definition with the numbers of its sagas.</summary>
internal sealed record DefinitionCount(DefinitionHash Hash, string Name, int Version, long Unfinished, long Ended, long Stuck);
