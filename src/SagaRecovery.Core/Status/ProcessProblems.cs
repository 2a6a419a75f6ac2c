using static System.FormattableString;

namespace SagaRecovery.Status;

/// <summary>The problems that only this process knows. Pure.</summary>
public static class ProcessProblems
{
    /// <summary>The number of consecutive failures from which on a saga is a problem: three.</summary>
    public const int FailuresOfProblem = 3;

    /// <summary>Returns the problems in a report.</summary>
    /// <param name="report">The report of this process.</param>
    /// <returns>
    /// The problems, with times by the clock of this process. Those of waiting sagas are limited by <see cref="RecoveryReport.WaitingShown"/>: see
    /// <see cref="CountAll"/>.
    /// </returns>
    public static IReadOnlyList<Problem> Of(RecoveryReport report) =>
    [
        .. report.Waiting.Where(IsFailing).Select(saga => new Problem(ProblemKind.Failing, saga.SagaId.ToString(), saga.Since, Describe(saga))
        {
            Name = saga.Name,
            Error = saga.Reason,
            Next = $"explain {saga.SagaId}",
        }),
        .. report.Waiting.Where(saga => saga.Kind is WaitingKind.UnknownDefinition).GroupBy(saga => saga.Name).Select(alike =>
            new Problem(ProblemKind.UnknownDefinition, alike.Key, alike.Min(saga => saga.Since), "This binary cannot run its sagas.")
            {
                Error = alike.First().Reason,
                Next = "definitions list",
            }),
        .. FailingPasses(report),
        .. report.Coordinator.Fenced is { } fenced
            ? [new Problem(ProblemKind.Fenced, report.Coordinator.Id.ToString(), fenced.At, Invariant($"Incarnation {fenced.By} of this coordinator has replaced this process, which has stopped its sagas. Stop this process."))]
            : Array.Empty<Problem>(),
    ];

    /// <summary>Returns a list of problems with the numbers of all those in a report, of which it may have only some.</summary>
    /// <param name="list">The list. What is acknowledged in it stays acknowledged; what it does not have counts as open.</param>
    /// <param name="report">The report of this process from which the problems in the list come.</param>
    public static ProblemList CountAll(ProblemList list, RecoveryReport report) => list with
    {
        Counts =
        [
            .. list.Counts.Select(count => count.Kind switch
            {
                ProblemKind.Failing => AtLeast(count, report.FailingCount),
                ProblemKind.UnknownDefinition => AtLeast(count, report.UnknownDefinitionCount),
                _ => count,
            }),
        ],
    };

    /// <summary>Returns true for a saga that fails again and again, or whose row cannot be read.</summary>
    internal static bool IsFailing(WaitingSaga saga) =>
        saga.Kind is WaitingKind.Unreadable || (saga.Kind is WaitingKind.BackingOff && saga.Failures >= FailuresOfProblem);

    private static ProblemCount AtLeast(ProblemCount count, int all) => count with { Open = Math.Max(count.Open, all - count.Acknowledged) };

    private static string Describe(WaitingSaga saga) => saga.Kind is WaitingKind.Unreadable
        ? "Its row cannot be read."
        : $"It failed to resume, or its run was interrupted, {PlainText.Count(saga.Failures, "time")} in a row.";

    private static IEnumerable<Problem> FailingPasses(RecoveryReport report)
    {
        if (report is { FailingSince: { } since, FailedInARow: > 1 })
        {
            yield return new Problem(
                ProblemKind.PassesFail, report.Coordinator.Id.ToString(), since, Invariant($"The last {report.FailedInARow} passes failed."))
            {
                Error = report.LastPass?.Error,
                Next = "status",
            };
        }
    }
}
