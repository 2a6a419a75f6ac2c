using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Gives one coordinator's unfinished sagas to others.</summary>
internal static class ReassignCommand
{
    private const string ExampleId = "0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a11";

    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(ReassignRequest.LongestWait);

    public static Command Create(CommonOptions common)
    {
        Argument<Giver> from = Values.GiverArgument();
        Option<CoordinatorId[]> to = Values.TakersOption();
        Option<bool> even = new("--even-if-owner-answers") { Description = "Although FROM answers: what it runs is run again elsewhere from the last step on" };
        Option<bool> wait = new("--wait") { Description = "Wait until those that got sagas have recovered them; exit 1 if they have not in time (--timeout)" };
        Option<bool> yes = Consent.YesOption();
        var options = new ActionOptions();
        var command = new ToolCommand(
            SagaNames.Of(OperatorActionKind.Reassign),
            "Gives one coordinator's unfinished sagas to others, evenly; each picks them up at once",
            $"coordinators reassign {ExampleId} --wait --comment 'its node burnt, INC-481'",
            "coordinators reassign nobody --comment 'orphans of the old region'",
            $"coordinators reassign {ExampleId} --to 0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a12 --even-if-owner-answers --yes --comment 'INC-481'")
        {
            from, to, even, wait, yes,
        };
        options.AddTo(command);
        common.Run(command, async (call, cancellationToken) =>
        {
            TimeSpan? deadline = call.Value(wait) ? Least(call.Timeout ?? s_longestWait, s_longestWait) : null;
            var request = new ReassignRequest
            {
                Reason = options.Read(call).Reason,
                Actor = options.Read(call).Actor,
                To = call.Value(to) ?? [],
                EvenIfOwnerAnswers = call.Value(even),
                Wait = deadline?.TotalSeconds ?? 0,
            };
            return await RunAsync(call, call.Value(from)!.Id, request, call.Value(yes), cancellationToken).ConfigureAwait(false);
        });
        return command;
    }

    private static async Task<ExitCode> RunAsync(
        Call call, CoordinatorId? from, ReassignRequest request, bool consented, CancellationToken cancellationToken)
    {
        if (from is { } giver && request.To?.Contains(giver) == true)
        {
            throw new RefusalException(ExitCode.Usage, "--to names the coordinator that the sagas are to be taken from.");
        }

        ISagaAccess access = call.Open();
        await using (access.ConfigureAwait(false))
        {
            if (request.EvenIfOwnerAnswers && !consented && await AnswersAsync(access, from, cancellationToken).ConfigureAwait(false) is { } owner)
            {
                await Consent.AskAsync(
                    call,
                    SagaNames.Of(OperatorActionKind.Reassign),
                    [
                        $"reassign the sagas of coordinator {owner.Id} ({Words.Process(owner)})",
                        $"  It answers, and has {PlainText.Count(owner.InProgress ?? 0, "saga")} in progress: what it runs of them is stopped, and run again elsewhere from the last step on.",
                    ],
                    cancellationToken).ConfigureAwait(false);
            }

            return Reply(call, request, await access.ReassignAsync(from, request, cancellationToken).ConfigureAwait(false));
        }
    }

    private static async Task<CoordinatorDetails?> AnswersAsync(ISagaAccess access, CoordinatorId? from, CancellationToken cancellationToken) =>
        (await access.ListCoordinatorsAsync(cancellationToken).ConfigureAwait(false)).FirstOrDefault(one => one.Id == from && one.Answers);

    private static ExitCode Reply(Call call, ReassignRequest request, ReassignResponse answer)
    {
        bool inFull = answer.Left == 0 && (request.Wait == 0 || answer.Receipts.Count == 0 || answer.CaughtUp is not null);
        if (call.Json)
        {
            call.Screen.Json(answer, RecoveryReportJson.Default.ReassignResponse);
        }

        if (answer.Result != OperatorActionStatus.Done || !inFull)
        {
            call.Note(answer.Message);
        }
        else if (!call.Json)
        {
            call.Screen.Line(PlainText.OneLine(answer.Message, longest: 2_000));
        }

        return answer.Result != OperatorActionStatus.Done ? ActionReply.Of(answer.Result) : inFull ? ExitCode.Done : ExitCode.Failed;
    }

    private static TimeSpan Least(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
