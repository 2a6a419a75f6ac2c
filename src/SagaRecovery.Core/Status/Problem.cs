namespace SagaRecovery.Status;

/// <summary>The kinds of problems, the most urgent ones first.</summary>
public enum ProblemKind
{
    /// <summary>A saga is partly undone, since an undo failed. It waits for an operator.</summary>
    Stuck,

    /// <summary>A saga was set aside, and its effects remain.</summary>
    Abandoned,

    /// <summary>A saga fails to resume, or its run is interrupted, again and again.</summary>
    Failing,

    /// <summary>The crash-loop guard holds a saga.</summary>
    Held,

    /// <summary>Unfinished sagas have a definition that the program of this process lacks.</summary>
    UnknownDefinition,

    /// <summary>The processes of a coordinator crash again and again.</summary>
    CrashLoop,

    /// <summary>The passes of this process fail.</summary>
    PassesFail,

    /// <summary>A newer process has joined under the coordinator id of this process.</summary>
    Fenced,

    /// <summary>A coordinator that does not answer owns unfinished sagas.</summary>
    OwnerDown,

    /// <summary>A coordinator that has never joined owns unfinished sagas.</summary>
    UnknownOwner,

    /// <summary>Unfinished sagas have no owner.</summary>
    Unowned,

    /// <summary>Recovery of a coordinator that owns unfinished sagas is paused.</summary>
    Paused,
}

/// <summary>A state that deserves the attention of an operator, until it is resolved.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Subject">The id of the saga or coordinator, or the name of the definition; empty if the kind says it all.</param>
/// <param name="Since">The time at which it began, by the clock of the store.</param>
/// <param name="Reason">One sentence for operators, without payloads.</param>
public sealed record Problem(ProblemKind Kind, string Subject, DateTimeOffset Since, string Reason)
{
    /// <summary>The identity: the kind and the subject, such as <c>stuck:0197…</c>. The same problem has the same id on every process.</summary>
    public string Id => Subject.Length == 0 ? ProblemKinds.NameOf(Kind) : $"{ProblemKinds.NameOf(Kind)}:{Subject}";

    /// <summary>The name of the definition of the saga, or the host of the coordinator; null if it has none.</summary>
    public string? Name { get; init; }

    /// <summary>The error that caused it, which may contain payloads; null if there is none.</summary>
    public string? Error { get; init; }

    /// <summary>The command of the tool that shows more, without the name of the tool; null if there is none.</summary>
    public string? Next { get; init; }

    /// <summary>The acknowledgement by an operator; null if there is none since the problem began.</summary>
    public Acknowledgement? Acknowledged { get; init; }
}

/// <summary>The statement of an operator that a problem is known.</summary>
/// <param name="At">The time of the acknowledgement.</param>
/// <param name="Note">The operator and the reason.</param>
public sealed record Acknowledgement(DateTimeOffset At, OperatorNote Note);

/// <summary>The number of problems of one kind.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Open">Those that no operator has acknowledged.</param>
/// <param name="Acknowledged">Those that an operator has acknowledged.</param>
public sealed record ProblemCount(ProblemKind Kind, long Open, long Acknowledged);

/// <summary>The problems at one moment.</summary>
/// <param name="At">The time, by the clock of the store.</param>
/// <param name="Problems">The problems: first those that are not acknowledged, then by kind, the newest first. At most <see cref="MaxListed"/> of each kind.</param>
/// <param name="Counts">The numbers of all of them by kind, in the order of the kinds. Kinds without a problem are left out.</param>
public sealed record ProblemList(DateTimeOffset At, IReadOnlyList<Problem> Problems, IReadOnlyList<ProblemCount> Counts)
{
    /// <summary>The largest number of problems of one kind in a list: 100.</summary>
    public const int MaxListed = 100;

    /// <summary>The number of problems that no operator has acknowledged.</summary>
    public long Open => Counts.Sum(count => count.Open);

    /// <summary>The number of problems that an operator has acknowledged.</summary>
    public long Acknowledged => Counts.Sum(count => count.Acknowledged);

    /// <summary>Returns these problems with the times of those that an earlier list has as well.</summary>
    /// <param name="earlier">The earlier list; null for none.</param>
    public ProblemList After(ProblemList? earlier) => earlier is null ? this : this with
    {
        Problems =
        [
            .. Problems.Select(problem => !ProblemKinds.IsDated(problem.Kind)
                && earlier.Problems.FirstOrDefault(one => one.Id == problem.Id) is { } known && known.Since < problem.Since
                ? problem with { Since = known.Since } : problem),
        ],
    };

    /// <summary>Returns this list with the present problems of a process in place of those that it had.</summary>
    /// <param name="ofProcess">The problems that the process knows.</param>
    public ProblemList With(IReadOnlyCollection<Problem> ofProcess)
    {
        var known = Problems.ToDictionary(problem => problem.Id, StringComparer.Ordinal);
        Problem[] problems =
        [
            .. Problems.Where(problem => !ProblemKinds.IsOfProcess(problem.Kind)),
            .. ofProcess.Select(problem => known.TryGetValue(problem.Id, out Problem? earlier) ? problem with { Since = earlier.Since, Acknowledged = earlier.Acknowledged } : problem),
        ];
        return Of(At, problems, [.. Counts.Where(count => !ProblemKinds.IsOfProcess(count.Kind))]);
    }

    /// <summary>Sorts problems, and counts them.</summary>
    /// <param name="at">The time, by the clock of the store.</param>
    /// <param name="problems">The problems.</param>
    /// <param name="counts">The numbers of kinds of which <paramref name="problems"/> may not have all.</param>
    public static ProblemList Of(DateTimeOffset at, IReadOnlyCollection<Problem> problems, IReadOnlyCollection<ProblemCount> counts)
    {
        ProblemCount[] others =
        [
            .. problems.GroupBy(problem => problem.Kind)
                .Where(alike => counts.All(count => count.Kind != alike.Key))
                .Select(alike => new ProblemCount(alike.Key, alike.Count(one => one.Acknowledged is null), alike.Count(one => one.Acknowledged is not null))),
        ];
        return new ProblemList(
            at,
            [.. InOrder(problems.GroupBy(problem => problem.Kind).SelectMany(alike => InOrder(alike).Take(MaxListed)))],
            [.. others.Concat(counts).Where(count => count.Open + count.Acknowledged > 0).OrderBy(count => count.Kind)]);

        static IEnumerable<Problem> InOrder(IEnumerable<Problem> problems) =>
            problems.OrderBy(problem => problem.Acknowledged is not null).ThenBy(problem => problem.Kind).ThenByDescending(problem => problem.Since);
    }
}

/// <summary>The properties of the kinds of problems. Pure.</summary>
public static class ProblemKinds
{
    /// <summary>Returns true if only the process itself knows such a problem. The others are in the store, and the same on every process.</summary>
    /// <param name="kind">The kind.</param>
    public static bool IsOfProcess(ProblemKind kind) =>
        kind is ProblemKind.Failing or ProblemKind.UnknownDefinition or ProblemKind.PassesFail or ProblemKind.Fenced;

    /// <summary>
    /// Returns true if the store has the time at which such a problem began. Any other began when it was first listed, and its acknowledgement counts
    /// until it is resolved.
    /// </summary>
    /// <param name="kind">The kind.</param>
    public static bool IsDated(ProblemKind kind) => !IsOfProcess(kind) && kind is not (ProblemKind.Unowned or ProblemKind.UnknownOwner);

    /// <summary>Returns the name of a kind in ids and metrics, such as <c>owner-down</c>.</summary>
    /// <param name="kind">The kind.</param>
    public static string NameOf(ProblemKind kind) => kind switch
    {
        ProblemKind.Stuck => "stuck",
        ProblemKind.Abandoned => "abandoned",
        ProblemKind.Failing => "failing",
        ProblemKind.Held => "held",
        ProblemKind.UnknownDefinition => "unknown-definition",
        ProblemKind.CrashLoop => "crash-loop",
        ProblemKind.PassesFail => "passes-fail",
        ProblemKind.Fenced => "fenced",
        ProblemKind.OwnerDown => "owner-down",
        ProblemKind.UnknownOwner => "unknown-owner",
        ProblemKind.Unowned => "unowned",
        ProblemKind.Paused => "paused",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "There is no such kind."),
    };
}
