using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Diagnostics;

namespace SagaRecovery.Postgres;

/// <summary>Stores the ranges by which the unfinished sagas of coordinators are found; see <see cref="UnfinishedSagas"/>. Thread-safe.</summary>
internal sealed class ListingRanges(PostgresDatabase database, ILogger<ListingRanges> logger)
{
    private int _fails; // 1 since a failure was logged, until a success

    /// <summary>Stores the ranges of a coordinator.</summary>
    /// <returns>False if they were not stored. Later statements then take longer, and have the same results.</returns>
    public async Task<bool> RememberAsync(CoordinatorId coordinator, CancellationToken cancellationToken)
    {
        try
        {
            await database.ReadAsync(
                batch =>
                {
                    batch.Add(database.Statements.WithoutCompilation);
                    batch.Add(database.Statements.RememberListing).With(coordinator.Value);
                },
                async rows =>
                {
                    await rows.SkipAsync(1).ConfigureAwait(false);
                    return true;
                },
                cancellationToken).ConfigureAwait(false);
            Volatile.Write(ref _fails, 0);
            return true;
        }
        catch (NpgsqlException failure)
        {
            if (Interlocked.Exchange(ref _fails, 1) == 0)
            {
                Log.RangesNotStored(logger, coordinator, failure.Message);
            }

            return false;
        }
    }

    /// <summary>Stores the ranges of coordinators that do not make their own; see <see cref="UnfinishedSagas.Stale"/>.</summary>
    public async Task RenewAsync(IReadOnlyList<CoordinatorId> stale, CancellationToken cancellationToken)
    {
        foreach (CoordinatorId coordinator in stale)
        {
            if (!await RememberAsync(coordinator, cancellationToken).ConfigureAwait(false))
            {
                return; // probably the next one fails as well
            }
        }
    }
}
