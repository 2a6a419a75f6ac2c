using Npgsql;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Postgres;

/// <summary>The controls of recovery in Postgres: pauses, holds, suspects, heartbeats and assignments.</summary>
internal sealed class PostgresSagaControls(PostgresDatabase database, SagaSearch search, SteadyTimeProvider time) : ISagaControls
{
    private ControlStatements Sql => database.Controls;

    public Task<RecoveryControls> ReadControlsAsync(Membership member, CancellationToken cancellationToken) =>
        database.ReadPreparedAsync(batch => AddReads(batch, member), rows => ReadControlsAsync(rows, member), cancellationToken);

    public Task<RecoveryControls> QueryControlsAsync(Membership member, CancellationToken cancellationToken) => search.ReadAsync(
        batch => AddReads(batch, member),
        async rows =>
        {
            await rows.SkipAsync(1).ConfigureAwait(false);
            return await ReadControlsAsync(rows, member).ConfigureAwait(false);
        },
        "It reads the controls of this coordinator, and Postgres is slow.",
        cancellationToken);

    private void AddReads(NpgsqlBatch batch, Membership member)
    {
        batch.Add(database.Statements.CurrentJoin).With(member.Coordinator.Value);
        batch.Add(Sql.ReadPause).With(member.Coordinator.Value);
        batch.Add(Sql.ReadHolds).With(member.Coordinator.Value);
        batch.Add(Sql.ReadCancelled).With(member.Coordinator.Value);
        batch.Add(Sql.ReadActions).With(member.Coordinator.Value).With(RecoveryReport.HistoryLength);
        batch.Add(Sql.ReadSuspects).With(member.Coordinator.Value);
        batch.Add(Sql.ReadAssignments).With(member.Coordinator.Value);
    }

    private async Task<RecoveryControls> ReadControlsAsync(PostgresRows rows, Membership member)
    {
        PostgresFence.EnsureMember(database, member, await rows.FirstAsync(JoinRow.Of).ConfigureAwait(false));
        await rows.SkipAsync(1).ConfigureAwait(false);
        List<RecoveryPause> pause = await rows.ListAsync(row =>
            new RecoveryPause(row.Time(0), new OperatorNote(row.GetString(1), row.GetString(2)))).ConfigureAwait(false);
        List<HeldSaga> held = await rows.ListAsync(row => new HeldSaga(
            new SagaId(row.GetGuid(0)), row.GetString(1), row.Time(2), new OperatorNote(row.GetString(3), row.GetString(4)))
        {
            StopsRun = row.GetBoolean(5),
        }).ConfigureAwait(false);
        List<(SagaId, SagaCancellation)> cancelled = await rows.ListAsync(row => (
            new SagaId(row.GetGuid(0)),
            new SagaCancellation(row.Time(1), new OperatorNote(row.GetString(2), row.GetString(3))))).ConfigureAwait(false);
        List<OperatorAction?> actions = await rows.ListAsync(ReadAction).ConfigureAwait(false);
        List<Suspect> suspects = await rows.ListAsync(ReadSuspect).ConfigureAwait(false);
        (long assigned, long caughtUp) = (await rows.ListAsync(row => (row.GetInt64(0), row.GetInt64(1))).ConfigureAwait(false)).FirstOrDefault();
        return new RecoveryControls
        {
            Paused = pause.FirstOrDefault(),
            Held = held,
            Cancelled = cancelled,
            RecentActions = [.. actions.OfType<OperatorAction>().Reverse()],
            Suspects = suspects,
            Assigned = assigned,
            CaughtUp = caughtUp,
        };
    }

    public async Task<PreviousIncarnation> ReadPreviousIncarnationAsync(Membership member, CancellationToken cancellationToken)
    {
        await PostgresFence.WriteAsync(
            database,
            database.Statements.Lock,
            member,
            batch => batch.Add(Sql.MarkSuspects, member),
            _ => Task.FromResult(true),
            cancellationToken).ConfigureAwait(false);

        return await database.ReadAsync(
            batch =>
            {
                batch.Add(Sql.ReadSuspects).With(member.Coordinator.Value);
                batch.Add(Sql.ReadPrevious).With(member.Coordinator.Value).With(member.Incarnation.Value);
            },
            async rows =>
            {
                List<Suspect> suspects = await rows.ListAsync(ReadSuspect).ConfigureAwait(false);
                List<PreviousIncarnation> previous = await rows.ListAsync(row => ReadPrevious(row, suspects)).ConfigureAwait(false);
                return previous is [var found] ? found : new PreviousIncarnation(Process: null, suspects);
            },
            cancellationToken).ConfigureAwait(false);
    }

    private PreviousIncarnation ReadPrevious(NpgsqlDataReader row, List<Suspect> suspects)
    {
        var end = new ProcessEnd(row.GetBoolean(1), row.IsDBNull(2) ? null : row.GetFieldValue<TimeSpan>(2), row.GetBoolean(3), row.GetBoolean(4));
        return new PreviousIncarnation(new PreviousProcess(end.Crashed, time.Now - row.GetFieldValue<TimeSpan>(0), suspects.Count), suspects)
        {
            End = end,
            Loop = row.IsDBNull(5) ? null : new CrashLoop(
                row.GetInt32(5), row.GetInt32(6), row.IsDBNull(7) ? null : row.GetFieldValue<TimeSpan>(7), row.GetInt32(8), row.GetFieldValue<TimeSpan>(9)),
            IsLoopRecorded = !row.IsDBNull(10) && row.GetBoolean(10),
        };
    }

    public Task RecordCrashLoopAsync(Membership member, CrashLoop? loop, CancellationToken cancellationToken) => PostgresFence.WriteAsync(
        database,
        database.Statements.Lock,
        member,
        batch =>
        {
            if (loop is null)
            {
                batch.Add(Sql.ForgetCrashLoop, member);
                return;
            }

            batch.Add(Sql.RecordCrashLoop, member).With(loop.Crashes).With(loop.WatchFrom).With(loop.Probation).With(loop.FailedControls).With(loop.LastLived);
            if (loop.ClearsSuspects)
            {
                batch.Add(Sql.ForgetSuspects, member);
            }
        },
        _ => Task.FromResult(true),
        cancellationToken);

    public Task<bool> ClearProgressedAsync(Membership member, CancellationToken cancellationToken) => database.ReadAsync(
        batch => batch.Add(Sql.ClearProgressed, member),
        async rows => (await rows.ListAsync(row => row.GetBoolean(0)).ConfigureAwait(false)).Single(),
        cancellationToken);

    public Task RecordInFlightAsync(Membership member, IReadOnlyList<SagaId> sagas, CancellationToken cancellationToken) => PostgresFence.WriteAsync(
        database,
        database.Statements.Lock,
        member,
        batch => batch.Add(Sql.RecordInFlight, member).With(sagas.Select(saga => saga.Value).ToArray()),
        _ => Task.FromResult(true),
        cancellationToken);

    public Task ClearSuspectsAsync(Membership member, TimeSpan probation, CancellationToken cancellationToken) =>
        database.ReadAsync(batch => batch.Add(Sql.ClearSuspects, member).With(probation), _ => Task.FromResult(true), cancellationToken);

    public Task RunHeartbeatAsync(
        Membership member, CoordinatorProfile profile, TimeSpan period, Action<CoordinatorNotification> onNotification, CancellationToken cancellationToken) =>
        new PostgresListenerConnection(database, time, member, onNotification).RunAsync(profile, period, cancellationToken);

    public Task ReportCaughtUpAsync(Membership member, long assignment, int notRunning, CancellationToken cancellationToken) => database.ReadAsync(
        batch => batch.Add(Sql.RecordCaughtUp, member).With(assignment).With(notRunning), _ => Task.FromResult(true), cancellationToken);

    public Task ReportShutdownAsync(Membership member, CancellationToken cancellationToken) => database.ReadAsync(
        batch =>
        {
            batch.Add(Sql.ForgetInFlight, member);
            batch.Add(Sql.RecordShutdown, member);
        },
        _ => Task.FromResult(true),
        cancellationToken);

    public Task<StalledSagas> FindStalledAsync(
        Membership member,
        StalledThresholds patience,
        IReadOnlyCollection<SagaId>? among,
        IReadOnlyCollection<SagaId> except,
        CancellationToken cancellationToken) => database.ReadAsync(
        batch =>
        {
            batch.Add(database.Statements.WithoutCompilation);
            batch.Add(among is null ? Sql.FindStalled : Sql.FindStalledAmong)
                .With(member.Coordinator.Value)
                .With(patience.Default)
                .With(patience.ByDefinition.Keys.ToArray())
                .With(patience.ByDefinition.Values.ToArray())
                .With(RecoveryReport.HistoryLength)
                .With((among is null ? except : among.Except(except)).Select(saga => saga.Value).ToArray());
        },
        async rows =>
        {
            await rows.SkipAsync(1).ConfigureAwait(false);
            long count = 0;
            List<StalledSaga> sagas = await rows.ListAsync(row =>
            {
                count = row.GetInt64(6);
                return new StalledSaga(new SagaId(row.GetGuid(0)), row.GetString(1), row.Time(2), LastEvent(row));
            }).ConfigureAwait(false);
            return new StalledSagas(time.Now, (int)count, sagas);
        },
        cancellationToken);

    private static Suspect ReadSuspect(NpgsqlDataReader row) => new(new SagaId(row.GetGuid(0)), row.GetInt32(1), row.GetInt32(2));

    private static string? LastEvent(NpgsqlDataReader row)
    {
        if (row.IsDBNull(3))
        {
            return null;
        }

        string node = SagaGraph.TryRead(row.GetFieldValue<byte[]>(5))?.NameOf(row.GetInt32(3)) ?? $"node {row.GetInt32(3)}";
        return $"{node} {row.GetString(4)}";
    }

    /// <returns>The action, or null if a later version wrote it.</returns>
    public static OperatorAction? ReadAction(NpgsqlDataReader row) => SagaNames.TryParse(row.GetString(2), out OperatorActionKind kind)
        ? new OperatorAction(
            row.GetInt64(0),
            row.Time(1),
            kind,
            row.IsDBNull(3) ? null : new SagaId(row.GetGuid(3)),
            new OperatorNote(row.GetString(4), row.GetString(5)))
        {
            Coordinator = row.IsDBNull(6) ? null : new CoordinatorId(row.GetGuid(6)),
        }
        : null;
}
