using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Reassigns the unfinished sagas of one coordinator.</summary>
internal static class ReassignCommand
{
    private const string ExampleId = "0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a11";

    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(ReassignRequest.LongestWait);

    public static Command Create(CommonOptions common)
    {
        Argument<ReassignSource> from = Values.ReassignSourceArgument();
        Option<CoordinatorId[]> to = Values.ReassignTargetsOption();
        Option<bool> evenIfOwnerAnswers = new("--even-if-owner-answers", "--force")
        {
            Description = "Reassign even if FROM answers; its runs stop, and the sagas resume elsewhere from their last step",
        };
        Option<bool> wait = new("--wait") { Description = "Wait until the new owners have recovered the sagas; exit code 1 if they have not within --timeout" };
        Option<bool> yes = Confirmation.YesOption();
        var options = new ActionOptions();
        var command = new ToolCommand(
            SagaNames.Of(OperatorActionKind.Reassign),
            "Reassigns one coordinator's unfinished sagas evenly to others, which recover them immediately",
            $"coordinators reassign {ExampleId} --wait --comment 'its node failed, INC-481'",
            "coordinators reassign unowned --comment 'orphans of the old region'",
            $"coordinators reassign {ExampleId} --to 0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a12 --even-if-owner-answers --yes --comment 'INC-481'")
        {
            from, to, evenIfOwnerAnswers, wait, yes,
        };
        options.AddTo(command);
        common.SetHandler(command, async (call, cancellationToken) =>
        {
            TimeSpan? deadline = call.Value(wait) ? Min(call.Timeout ?? s_longestWait, s_longestWait) : null;
            var request = new ReassignRequest
            {
                Reason = options.Read(call).Reason,
                Actor = options.Read(call).Actor,
                To = call.Value(to) ?? [],
                EvenIfOwnerAnswers = call.Value(evenIfOwnerAnswers),
                Wait = deadline?.TotalSeconds ?? 0,
            };
            return await RunAsync(call, call.Value(from)!.Id, request, call.Value(yes), cancellationToken).ConfigureAwait(false);
        });
        return command;
    }

    private static async Task<ExitCode> RunAsync(
        Call call, CoordinatorId? from, ReassignRequest request, bool confirmed, CancellationToken cancellationToken)
    {
        if (from is { } source && request.To?.Contains(source) == true)
        {
            throw new ToolException(ExitCode.Usage, "--to names the coordinator whose sagas are to be reassigned.");
        }

        ISagaAccess access = call.Open();
        await using (access.ConfigureAwait(false))
        {
            if (request.EvenIfOwnerAnswers && !confirmed && await FindRunningOwnerAsync(access, from, cancellationToken).ConfigureAwait(false) is { } owner)
            {
                await Confirmation.AskAsync(
                    call,
                    SagaNames.Of(OperatorActionKind.Reassign),
                    [
                        $"reassign the sagas of coordinator {owner.Id} ({Words.Process(owner)})",
                        $"  It answers and has {PlainText.Count(owner.InProgress ?? 0, "saga")} in progress. "
                            + "Its runs stop, and the sagas resume elsewhere from their last step.",
                    ],
                    cancellationToken).ConfigureAwait(false);
            }

            return Reply(call, request, await access.ReassignAsync(from, request, cancellationToken).ConfigureAwait(false));
        }
    }

    private static async Task<CoordinatorDetails?> FindRunningOwnerAsync(ISagaAccess access, CoordinatorId? from, CancellationToken cancellationToken) =>
        (await access.ListCoordinatorsAsync(cancellationToken).ConfigureAwait(false)).FirstOrDefault(known => known.Id == from && known.Answers);

    private static ExitCode Reply(Call call, ReassignRequest request, ReassignResponse response)
    {
        bool isComplete = response.Left == 0 && (request.Wait == 0 || response.Receipts.Count == 0 || response.CaughtUp is not null);
        if (call.Json)
        {
            call.Screen.Json(response, RecoveryReportJson.Default.ReassignResponse);
        }

        if (response.Result != OperatorActionStatus.Done || !isComplete)
        {
            call.Note(response.Message);
        }
        else if (!call.Json)
        {
            call.Screen.Line(PlainText.OneLine(response.Message, longest: 2_000));
        }

        return response.Result != OperatorActionStatus.Done ? ActionReply.ToExitCode(response.Result) : isComplete ? ExitCode.Done : ExitCode.Failed;
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
