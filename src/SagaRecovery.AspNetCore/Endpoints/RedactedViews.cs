using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>
/// Replaces each payload in a document by what the caller may see of it. Text, JSON and page are made from the result, so none of them can differ.
/// docs/SECURITY.md lists the places.
/// </summary>
internal static class RedactedViews
{
    /// <summary>
    /// The beginning of what the operator actions <c>retry-undo</c> and <c>skip-undo</c> add to the reason of the operator: the errors of the undos that they
    /// take out of the log.
    /// </summary>
    private const string RecordedErrors = " (the undo of '";

    public static RecoveryReport Of(RecoveryReport report, PayloadView view) => view.ShowsAll ? report : report with
    {
        LastPass = report.LastPass is { } pass ? Of(pass, view) : null,
        RecentPasses = [.. report.RecentPasses.Select(recent => Of(recent, view))],
        RecentFailures = [.. report.RecentFailures.Select(failed => Of(failed, view))],
        Waiting = [.. report.Waiting.Select(saga => saga with { Reason = view.Error(saga.Name, node: null, saga.Reason) })],
        Stalled = report.Stalled is { } stalled
            ? stalled with { Sagas = [.. stalled.Sagas.Select(saga => saga with { Run = saga.Run is { } run ? Of(run, view) : null })] }
            : null,
        Steps = report.Steps is { } steps
            ? steps with { Retrying = [.. steps.Retrying.Select(step => Of(step, view))], Hanging = [.. steps.Hanging.Select(step => Of(step, view))] }
            : null,
        Problems = report.Problems is { } problems ? Of(problems, view) : null,
        RecentActions = [.. report.RecentActions.Select(action => Of(action, view))],
    };

    public static ProblemList Of(ProblemList list, PayloadView view) =>
        view.ShowsAll ? list : list with { Problems = [.. list.Problems.Select(problem => Of(problem, view))] };

    public static Problem Of(Problem problem, PayloadView view) =>
        problem.Error is { } error ? problem with { Error = view.Error(problem.Name ?? "", node: null, error) } : problem;

    public static PassReport Of(PassReport pass, PayloadView view) =>
        view.ShowsAll ? pass : pass with { FailedSagas = [.. pass.FailedSagas.Select(failed => Of(failed, view))] };

    public static SagaDetails Of(SagaDetails saga, PayloadView view)
    {
        if (view.ShowsAll)
        {
            return saga;
        }

        string name = saga.Summary.Name;
        return saga with
        {
            Parameters = view.Redact(new SagaPayload(name, Node: null, SagaPayloadKind.Parameters, saga.Parameters)),
            Events = [.. saga.Events.Select(one => one.Data is { } data ? one with { Data = view.Redact(new SagaPayload(name, one.Node, KindOf(one.Type), data)) } : one)],
            Abandonment = saga.Abandonment is { } abandonment ? abandonment with { Comment = view.Error(name, node: null, abandonment.Comment) } : null,
        };
    }

    /// <summary>Redacts what an id identifies: an operator action has the errors of the undos that it took out of the log.</summary>
    public static IReadOnlyList<IdMatch> Of(IReadOnlyList<IdMatch> matches, PayloadView view) => view.ShowsAll
        ? matches
        : [.. matches.Select(match => match.Kind is IdKind.OperatorAction ? match with { Description = WithoutErrors(match.Description, view) } : match)];

    private static SagaPayloadKind KindOf(NodeEventType type) =>
        type is NodeEventType.Failed or NodeEventType.UndoFailed ? SagaPayloadKind.Error : SagaPayloadKind.Output;

    private static FailedSaga Of(FailedSaga failed, PayloadView view) => failed with { Message = view.Error(failed.Name, node: null, failed.Message) };

    private static SagaStep Of(SagaStep step, PayloadView view) => step with { Step = Of(step.Name, step.Step, view) };

    private static SagaRunProgress Of(SagaRunProgress run, PayloadView view) => run with { Steps = [.. run.Steps.Select(step => Of(run.Name, step, view))] };

    private static StepInProgress Of(string saga, StepInProgress step, PayloadView view) =>
        step.LastError is { } error ? step with { LastError = view.Error(saga, step.Node, error) } : step;

    private static OperatorAction Of(OperatorAction action, PayloadView view) => action.Kind is OperatorActionKind.RetryUndo or OperatorActionKind.SkipUndo
        ? action with { Note = new OperatorNote(action.Note.Actor, WithoutErrors(action.Note.Reason, view)) }
        : action;

    private static string WithoutErrors(string reason, PayloadView view)
    {
        int start = reason.IndexOf(RecordedErrors, StringComparison.Ordinal);
        return start < 0 ? reason : $"{reason[..start]} {view.Error(saga: "", node: null, reason[(start + 1)..])}";
    }
}
