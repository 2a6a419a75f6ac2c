using System.CommandLine;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>The operator actions on all sagas of a filter.</summary>
internal static class BatchCommands
{
    private const int DefaultMax = 1_000;

    private static readonly SagaState[] s_unfinished = [SagaState.Running, SagaState.Unwinding];

    public static Command CreateCancel(CommonOptions common) => Create(
        common,
        OperatorActionKind.Cancel,
        "Cancels running sagas: their owners start no more steps and undo those that succeeded",
        "The sagas can no longer succeed. Every step of theirs that succeeded is undone.",
        [SagaState.Running],
        filter => filter with { State = SagaState.Running },
        "batch cancel --definition project-create@2 --since 2h --comment 'release 2.1 is withdrawn' --dry-run");

    public static Command CreateHold(CommonOptions common)
    {
        Option<bool> stopRun = new("--stop-run") { Description = "Stop present runs as well, once their steps in flight have ended" };
        Command command = Create(
            common,
            OperatorActionKind.Hold,
            "Holds sagas in progress: recovery does not resume them until they are released; present runs continue",
            "Recovery does not resume the sagas until they are released.",
            s_unfinished,
        filter => filter with { UnfinishedOnly = true },
            "batch hold --failed-node allocate --state unwinding --comment 'INC-481' --max 10000",
            (call, request) => request with { StopRun = call.Value(stopRun) });
        command.Options.Add(stopRun);
        return command;
    }

    public static Command CreateRelease(CommonOptions common) => Create(
        common,
        OperatorActionKind.Release,
        "Ends holds; the next pass recovers the sagas, or after a crash a later one",
        "The next pass recovers the sagas, or after a crash a later one.",
        s_unfinished,
        filter => filter with { HeldOnly = true },
        "batch release --definition project-create --comment 'INC-481 is fixed'");

    public static Command CreateReassign(CommonOptions common)
    {
        Option<CoordinatorId[]> to = Values.ReassignTargetsOption();
        Command command = Create(
            common,
            OperatorActionKind.Reassign,
            "Reassigns sagas in progress evenly to other coordinators, which recover them immediately",
            "The sagas get other owners, which resume them from their last step.",
            s_unfinished,
        filter => filter with { UnfinishedOnly = true },
            "batch reassign --tag region=eu --owner 0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a11 --comment 'INC-481'",
            (call, request) => request with { To = call.Value(to) ?? [] },
            force: true);
        command.Options.Add(to);
        return command;
    }

    public static Command CreateAbandon(CommonOptions common) => Create(
        common,
        OperatorActionKind.Abandon,
        "Abandons sagas in progress: they are neither continued nor undone",
        "The sagas end now. They are never continued, and none of their effects are undone.",
        s_unfinished,
        filter => filter with { UnfinishedOnly = true },
        "batch abandon --tag tenant=trial-7 --comment 'the tenant was deleted by hand'",
        force: true);

    private static ToolCommand Create(
        CommonOptions common,
        OperatorActionKind kind,
        string description,
        string consequence,
        IReadOnlyCollection<SagaState> states,
        Func<SagaFilter, SagaFilter> inAnyOfThem,
        string example,
        Func<Call, SagaBatchRequest, SagaBatchRequest>? complete = null,
        bool force = false)
    {
        var filter = new FilterOptions(common.Environment);
        var options = new ActionOptions();
        Option<bool> dryRun = new("--dry-run") { Description = "List and count the sagas, and change nothing" };
        Option<int> max = new("--max")
        {
            Description = "Refuse if more sagas match",
            DefaultValueFactory = _ => DefaultMax,
            HelpName = "number",
        };
        max.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 1)
            {
                result.AddError("--max must be at least 1");
            }
        });
        Option<bool> yes = Confirmation.YesOption();
        Option<bool>? forceOption = force ? new("--force") { Description = "Act even if the owners of the sagas answer" } : null;
        var command = new ToolCommand(SagaNames.Of(kind), description, example);
        filter.AddTo(command);
        options.AddTo(command);
        command.Options.Add(dryRun);
        command.Options.Add(max);
        command.Options.Add(yes);
        if (forceOption is not null)
        {
            command.Options.Add(forceOption);
        }

        common.SetHandler(command, (call, cancellationToken) =>
        {
            SagaFilter given = filter.Read(call);
            if (FilterOptions.Describe(given).Length == 0)
            {
                throw new ToolException(ExitCode.Usage, $"'batch {command.Name}' needs a filter, such as --definition or --since. Without one it would concern every saga.");
            }

            if (given.State is { } state && !states.Contains(state))
            {
                throw new ToolException(
                    ExitCode.Usage, $"'batch {command.Name}' applies to {string.Join(" and ", states.Select(SagaNames.Of))} sagas, not to those that are {SagaNames.Of(state)}.");
            }

            OperatorActionRequest note = options.Read(call);
            var request = new SagaBatchRequest { Sagas = [], Reason = note.Reason, Actor = note.Actor, Force = forceOption is not null && call.Value(forceOption) };
            var batch = new SagaBatch(call, kind, given.State is null ? inAnyOfThem(given) : given, complete?.Invoke(call, request) ?? request, consequence)
            {
                DryRun = call.Value(dryRun),
                Max = call.Value(max),
                Confirmed = call.Value(yes),
            };
            return batch.RunAsync(cancellationToken);
        });
        return command;
    }
}
