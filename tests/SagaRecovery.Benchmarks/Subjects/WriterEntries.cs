using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>
/// The endless entries of one writer: each ends a node and begins the next, for its own sagas in turn. Used by one flow; not
/// thread-safe.
/// </summary>
internal sealed class WriterEntries
{
    /// <summary>Each entry holds two events.</summary>
    private const int RowsOfAnEntry = 2;

    private readonly IReadOnlyList<Guid> _sagas;
    private readonly int _entries;
    private int _next;

    private WriterEntries(IReadOnlyList<Guid> sagas, int entries)
    {
        _sagas = sagas;
        _entries = entries;
    }

    /// <summary>Divides sagas among writers.</summary>
    /// <param name="sagas">For each writer at least as many as one of its writes holds.</param>
    /// <param name="writers">The number of writers.</param>
    /// <param name="rows">The number of rows of a write, two for each saga.</param>
    public static IReadOnlyList<WriterEntries> Divide(IReadOnlyList<Guid> sagas, int writers, int rows)
    {
        int entries = Math.Max(1, rows / RowsOfAnEntry);
        return sagas.Count >= writers * entries
            ? [.. Enumerable.Range(0, writers).Select(writer => new WriterEntries([.. sagas.Where((_, index) => index % writers == writer)], entries))]
            : throw new ArgumentException($"{writers} writers of {rows} rows need more than {sagas.Count} sagas.", nameof(sagas));
    }

    /// <summary>The entries of the next write.</summary>
    public SagaLogEntry[] Next(AdoptGeneration generation)
    {
        var entries = new SagaLogEntry[_entries];
        for (int i = 0; i < entries.Length; i++)
        {
            (int node, int saga) = Math.DivRem(_next++, _sagas.Count);
            entries[i] = new SagaLogEntry(new SagaId(_sagas[saga]), generation, [ProjectLog.Succeeded(node), ProjectLog.Started(node + 1)]);
        }

        return entries;
    }
}
