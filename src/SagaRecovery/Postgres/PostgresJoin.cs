using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>Joins this process under a coordinator id.</summary>
internal sealed class PostgresJoin(PostgresDatabase database, OwnerLock ownerLock, ILogger<PostgresJoin> logger)
{
    /// <summary>Joins, and thereby fences any process that has joined under the id before. A live one is logged.</summary>
    public async Task<Membership> RunAsync(CoordinatorId coordinator, CancellationToken cancellationToken)
    {
        JoinToken token = JoinLineage.NewToken();
        Joined joined = (await JoinAsync(
            coordinator,
            batch => batch.Add(database.Statements.Join)
                .With(coordinator.Value).With(token.Value).With(Environment.MachineName).With(Environment.ProcessId),
            row => Joined.Of(row) with { Previous = ReplacedProcess.Of(row) },
            cancellationToken).ConfigureAwait(false))!;
        database.Lineage.Record(token, joined.Predecessors);
        if (joined.Previous is { } previous && previous.MayLive())
        {
            Log.JoinedOverLive(logger, coordinator, PlainText.Duration(previous.Silence), previous.Host, previous.ProcessId);
        }

        return new Membership(coordinator, joined.Incarnation, token);
    }

    /// <summary>Replaces a join that the database has lost, if no other process has joined since.</summary>
    /// <exception cref="CoordinatorFencedException">Another process has joined since.</exception>
    public async Task<Membership> RunAgainAsync(Membership lost, CancellationToken cancellationToken)
    {
        JoinToken token = database.Lineage.GetReplacement(lost.Token);
        Joined? joined = await JoinAsync(
            lost.Coordinator,
            batch =>
            {
                batch.Add(database.Statements.Rejoin, lost)
                    .With(Environment.MachineName).With(Environment.ProcessId)
                    .With(token.Value).With(lost.Incarnation.Value).With(database.Lineage.GetAll(lost.Token));
                batch.Add(database.Statements.KeepInFlight)
                    .With(lost.Coordinator.Value).With(token.Value).With(lost.Incarnation.Value);
            },
            Joined.Of,
            cancellationToken).ConfigureAwait(false);
        if (joined is null)
        {
            throw new CoordinatorFencedException(lost, await ReadIncarnationAsync(lost.Coordinator, cancellationToken).ConfigureAwait(false));
        }

        database.Lineage.Record(token, joined.Predecessors);
        return new Membership(lost.Coordinator, joined.Incarnation, token);
    }

    /// <summary>Runs a join. A repeat is harmless: it replaces the join of the attempt whose answer was lost.</summary>
    /// <returns>The join, or null if the row was left unchanged.</returns>
    private async Task<Joined?> JoinAsync(
        CoordinatorId coordinator, Action<NpgsqlBatch> build, Func<NpgsqlDataReader, Joined> read, CancellationToken cancellationToken)
    {
        try
        {
            return await ownerLock.RunAsync(
                $"joining as coordinator {coordinator}",
                batch =>
                {
                    batch.Add(database.Statements.LockExclusively).With(coordinator.Value);
                    build(batch);
                },
                async rows =>
                {
                    await rows.SkipAsync(1).ConfigureAwait(false);
                    return (await rows.ListAsync(read).ConfigureAwait(false)).SingleOrDefault();
                },
                cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.ReadOnlySqlTransaction)
        {
            throw PostgresFence.ReadOnly(exception);
        }
    }

    private Task<Incarnation> ReadIncarnationAsync(CoordinatorId coordinator, CancellationToken cancellationToken) => database.ReadAsync(
        batch => batch.Add(database.Statements.CurrentJoin).With(coordinator.Value),
        async rows => (await rows.ListAsync(JoinRow.Of).ConfigureAwait(false)).FirstOrDefault().Incarnation,
        cancellationToken);

    private sealed record Joined(Incarnation Incarnation, Guid[] Predecessors)
    {
        public ReplacedProcess? Previous { get; init; }

        public static Joined Of(NpgsqlDataReader row) => new(new Incarnation(row.GetInt64(0)), row.GetFieldValue<Guid[]>(1));
    }

    private sealed record ReplacedProcess(string Host, int ProcessId, TimeSpan Silence)
    {
        public static ReplacedProcess? Of(NpgsqlDataReader row) =>
            row.IsDBNull(2) ? null : new ReplacedProcess(row.GetString(2), row.GetInt32(3), row.GetTimeSpan(4));

        /// <summary>
        /// Returns true if the process has sent a recent heartbeat, and is not known to have ended. Only a process of this host can be known
        /// to: its number is free, or is that of the present process, as in a container that restarts.
        /// </summary>
        public bool MayLive() =>
            Silence < CoordinatorDetails.AnswerTimeout
            && (Host != Environment.MachineName || (ProcessId != Environment.ProcessId && IsRunning(ProcessId)));

        private static bool IsRunning(int processId)
        {
            try
            {
                using var process = Process.GetProcessById(processId);
                return !process.HasExited;
            }
            catch (ArgumentException) // no such process
            {
                return false;
            }
        }
    }
}
