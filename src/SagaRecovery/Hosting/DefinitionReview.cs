using Microsoft.Extensions.Logging;
using SagaRecovery.Diagnostics;
using SagaRecovery.Execution;
using SagaRecovery.Storage;

namespace SagaRecovery.Hosting;

/// <summary>
/// The comparison of the registered definitions with the stored ones, once after the first pass. It logs which unfinished sagas this process
/// cannot run, and which saga it must not start because its shape has changed. Other sagas do not wait for it.
/// </summary>
internal sealed class DefinitionReview(ISagaDefinitions definitions, ISagaExecutor executor, ILogger<DefinitionReview> logger)
{
    /// <summary>The maximum number of definitions that get a line. A dynamic saga can have any number of them.</summary>
    private const int MaxLines = 20;

    private const int HashDigits = 12;

    public async Task RunAsync(CoordinatorId coordinator, CancellationToken cancellationToken)
    {
        if (executor.Definitions is not { } registered)
        {
            return; // may run any definition
        }

        // Must come first: it is about starts, which wait for nothing.
        IReadOnlyList<SavedDefinition> conflicts = await definitions.FindConflictsAsync(
            coordinator, [.. StartedOf(registered)], [.. registered.Select(known => known.Hash)], cancellationToken).ConfigureAwait(false);
        foreach (var others in conflicts.GroupBy(other => (other.Name, other.Version)))
        {
            string difference = SagaShapeChangedException.Describe([.. others], executor.DescribeChange);
            Log.ShapeChanged(logger, SagaShapeChangedException.Describe(others.Key.Name, others.Key.Version, "cannot be started", difference));
        }

        UnknownDefinitions unknown = await definitions.FindUnknownAsync(coordinator, registered, MaxLines, cancellationToken).ConfigureAwait(false);
        foreach ((SavedDefinition definition, long unfinished) in unknown.Definitions)
        {
            string hash = definition.Hash.ToString()[..HashDigits];
            Log.UnknownDefinitionAtJoin(logger, unfinished, definition.Name, definition.Version, hash, Explain(definition, registered));
        }

        if (unknown.Count > unknown.Definitions.Count)
        {
            Log.MoreUnknownDefinitionsAtJoin(logger, unknown.Count - unknown.Definitions.Count, unknown.Unfinished);
        }
    }

    /// <summary>
    /// Returns the definitions of which sagas are started, without those beside a definition of any DAG: each stored shape of that name and
    /// version may be one of it.
    /// </summary>
    private static IEnumerable<RunnableDefinition> StartedOf(IReadOnlyCollection<RunnableDefinition> registered)
    {
        HashSet<(string, int)> ofAnyDag = [.. registered.Where(known => known.AnyDag).Select(known => (known.Name, known.Version))];
        return registered.Where(known => !known.IsFormer && !ofAnyDag.Contains((known.Name, known.Version)));
    }

    private string Explain(SavedDefinition definition, IReadOnlyCollection<RunnableDefinition> registered)
    {
        int[] versions = [.. registered.Where(known => known.Name == definition.Name).Select(known => known.Version).Distinct().Order()];
        return versions.Contains(definition.Version)
            ? $"this version is registered with other nodes ({executor.DescribeChange(definition) ?? "the executor does not say which"}); register the former shape as well"
            : versions.Length == 0 ? "no definition of this name is registered"
            : $"registered: version {string.Join(", ", versions)}";
    }
}
