using System.Globalization;
using Npgsql;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Postgres;

/// <summary>The problems in Postgres. Every query is bounded, and runs on the connections of operators.</summary>
internal sealed class PostgresSagaProblems(PostgresDatabase database, SagaSearch search, ISagaOperations operations, ISagaCluster cluster, SteadyTimeProvider time)
    : ISagaProblems
{
    private ProblemStatements Sql => database.Problems;

    public async Task<ProblemList> ListAsync(IReadOnlyCollection<Problem> ofProcess, IReadOnlyList<OwnedSagas>? owners, CancellationToken cancellationToken)
    {
        owners ??= await cluster.QueryUnfinishedAsync(cancellationToken).ConfigureAwait(false);
        OwnedSagas[] without = [.. owners.Where(sagas => !sagas.Answers)];
        IReadOnlyList<CoordinatorDetails> coordinators =
            without.Length == 0 ? [] : await operations.ListCoordinatorsAsync(cancellationToken).ConfigureAwait(false);
        DateTimeOffset here = time.Now;
        Problem[] others = [.. without.Select(sagas => OwnerProblems.Of(sagas, coordinators, here)), .. ofProcess];
        return await search.ReadAsync(
            batch =>
            {
                batch.Add(Sql.List).With(ProblemList.MaxListed).With(OperatorNote.CrashGuardActor);
                batch.Add(Sql.Count).With(UnresolvedSagas.MaxCount);
                batch.Add(Sql.FindAcknowledgements).With(others.Select(problem => problem.Id).ToArray());
                batch.Add(ReadTime);
            },
            async rows =>
            {
                await rows.SkipAsync(1).ConfigureAwait(false);
                List<Problem> stored = await rows.ListAsync(ToProblem).ConfigureAwait(false);
                List<ProblemCount> counts = await rows.ListAsync(ToCount).ConfigureAwait(false);
                List<(string Problem, Acknowledgement Acknowledged)> acknowledged = await rows.ListAsync(
                    row => (row.GetString(0), ToAcknowledgement(row, column: 1))).ConfigureAwait(false);
                DateTimeOffset now = (await rows.ListAsync(row => row.Time(0)).ConfigureAwait(false)).Single();
                var known = acknowledged.ToDictionary(one => one.Problem, one => one.Acknowledged, StringComparer.Ordinal);
                return ProblemList.Of(now, [.. stored, .. others.Select(problem => WithAcknowledgement(problem with { Since = problem.Since + (now - here) }, known))], counts);
            },
            "Ask again when the database has less to do.",
            cancellationToken).ConfigureAwait(false);
    }

    public async Task<Problem?> AcknowledgeAsync(string id, IReadOnlyCollection<Problem> ofProcess, OperatorNote note, CancellationToken cancellationToken)
    {
        ProblemList list = await ListAsync(ofProcess, owners: null, cancellationToken).ConfigureAwait(false);
        if (list.Problems.FirstOrDefault(one => one.Id == id) is not { } problem)
        {
            return null;
        }

        DateTimeOffset at = await database.ReadAsync(
            batch => batch.Add(Sql.Acknowledge).With(id).With(note.Actor).With(note.Reason),
            async rows => (await rows.ListAsync(row => row.Time(0)).ConfigureAwait(false)).Single(),
            cancellationToken).ConfigureAwait(false);
        return problem with { Acknowledged = new Acknowledgement(at, note) };
    }

    public async Task ForgetResolvedAsync(ProblemList? earlier, ProblemList present, CancellationToken cancellationToken)
    {
        string[] resolved =
        [
            .. earlier?.Problems.Where(one => one.Acknowledged is not null && !ProblemKinds.IsDated(one.Kind) && present.Problems.All(other => other.Id != one.Id)).Select(one => one.Id) ?? [],
        ];
        if (resolved.Length > 0)
        {
            await database.ReadAsync(batch => batch.Add(Sql.Forget).With(resolved).With(present.At), _ => Task.FromResult(true), cancellationToken).ConfigureAwait(false);
        }
    }

    private const string ReadTime = "select clock_timestamp()";

    private static Problem WithAcknowledgement(Problem problem, Dictionary<string, Acknowledgement> known) =>
        known.TryGetValue(problem.Id, out Acknowledgement? acknowledged) && (!ProblemKinds.IsDated(problem.Kind) || acknowledged.At >= problem.Since)
            ? problem with { Acknowledged = acknowledged }
            : problem;

    private static Problem ToProblem(NpgsqlDataReader row)
    {
        string id = row.GetGuid(1).ToString();
        (ProblemKind kind, string reason, string next) = (row.GetString(0), row.GetFieldValue<string?[]>(4)) switch
        {
            ("stuck", [var node, var code]) => (ProblemKind.Stuck, DescribeStuck(node, code), $"explain {id}"),
            ("abandoned", [var cause]) => (ProblemKind.Abandoned, $"It was abandoned ({cause}), and its effects remain.", $"explain {id}"),
            ("held", [var cause]) => (ProblemKind.Held, $"The {OperatorNote.CrashGuardActor} holds it, since {cause}.", $"explain {id}"),
            ("crash-loop", [{ } crashes, { } seconds]) => (ProblemKind.CrashLoop, DescribeLoop(crashes, seconds), "coordinators list"),
            ("paused", [var actor, var cause]) =>
                (ProblemKind.Paused, $"Its recovery is paused ({actor}: {cause}), and it owns unfinished sagas.", "coordinators list"),
            var (unknown, _) => throw new InvalidDataException($"The kind of problem is unknown: {unknown}."),
        };
        return new Problem(kind, id, row.Time(3), reason)
        {
            Name = row.GetString(2),
            Error = row.IsDBNull(5) ? null : row.GetString(5),
            Next = next,
            Acknowledged = row.IsDBNull(6) ? null : ToAcknowledgement(row, column: 6),
        };
    }

    private static Acknowledgement ToAcknowledgement(NpgsqlDataReader row, int column) =>
        new(row.Time(column), new OperatorNote(row.GetString(column + 1), row.GetString(column + 2)));

    private static string DescribeStuck(string? node, string? code) => node is null
        ? "An undo failed: it is partly undone."
        : $"The undo of '{node}' failed{(code is null ? "" : $" with {code}")}: it is partly undone.";

    private static string DescribeLoop(string crashes, string seconds) =>
        $"Its last {crashes} processes ended without a shutdown or were replaced while they ran, the latest within {PlainText.Duration(TimeSpan.FromSeconds(double.Parse(seconds, CultureInfo.InvariantCulture)))} of its join.";

    private static ProblemCount ToCount(NpgsqlDataReader row) =>
        new(row.GetString(0) == "stuck" ? ProblemKind.Stuck : ProblemKind.Abandoned, row.GetInt64(1), row.GetInt64(2));
}
