using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Postgres;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Lists sagas by id, in descending order.</summary>
internal static class SagaListCommand
{
    public static Command Create(CommonOptions common)
    {
        Option<SagaState?> state = new("--state")
        {
            Description = "Only sagas in this state",
            HelpName = "state",
            CustomParser = Values.ParseState,
        };
        state.CompletionSources.Clear(); // the defaults are the names of the enum, not those of the tool
        state.CompletionSources.Add([.. Enum.GetValues<SagaState>().Select(SagaNames.Of)]);
        Option<CoordinatorId?> owner = new("--owner")
        {
            Description = "Only sagas that this coordinator owns",
            HelpName = "id",
            CustomParser = Values.ParseCoordinator,
        };
        Option<string?> name = new("--name") { Description = "Only sagas of the definition with this name", HelpName = "name" };
        Option<int> limit = new("--limit")
        {
            Description = "The largest number of sagas to list: 1 to 1000",
            DefaultValueFactory = _ => 100,
            HelpName = "number",
        };
        limit.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 1_000)
            {
                result.AddError("--limit must be 1 to 1000");
            }
        });
        Option<SagaId?> before = new("--before")
        {
            Description = "Only sagas older than this one; used for the next page",
            HelpName = "id",
            CustomParser = Values.ParseSaga,
        };
        var command = new ToolCommand(
            "list",
            "Lists sagas by id, in descending order: newest first, unless ids were chosen by callers",
            "sagas list --state running",
            "sagas list --state stuck --json | jq -r '.[].id'",
            "sagas list --owner 0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a11 --name project-create --limit 20")
        {
            state, owner, name, limit, before,
        };
        common.SetHandler(command, (call, cancellationToken) => RunAsync(
            call,
            new SagaFilter
            {
                State = call.Value(state),
                Owner = call.Value(owner),
                Name = call.Value(name),
                Limit = call.Value(limit),
                Before = call.Value(before),
            },
            cancellationToken));
        return command;
    }

    private static async Task<ExitCode> RunAsync(Call call, SagaFilter filter, CancellationToken cancellationToken)
    {
        ISagaAccess access = call.Open();
        await using (access.ConfigureAwait(false))
        {
            IReadOnlyList<SagaSummary> sagas = await access.ListAsync(filter, cancellationToken).ConfigureAwait(false);
            if (call.Json)
            {
                call.Screen.Json(sagas, RecoveryReportJson.Default.IReadOnlyListSagaSummary);
                return ExitCode.Done;
            }

            if (sagas.Count == 0)
            {
                call.Note("No sagas match.");
                return ExitCode.Done;
            }

            var sheet = new Sheet("ID", "STATE", "CREATED", "OWNER", "GENERATION", "HELD", "NAME");
            foreach (SagaSummary saga in sagas)
            {
                sheet.Add(
                    saga.Id.ToString(), Cell.Of(saga.State), Cell.Of(saga.TimeCreated), saga.Owner?.ToString() ?? "none", Cell.Of(saga.Generation),
                    saga.IsHeld ? "held" : "-", saga.Name);
            }

            call.Screen.Print(sheet.Table);
            if (sagas.Count == filter.Limit)
            {
                call.Note($"There may be more sagas: pass --before {sagas[^1].Id}");
            }

            return ExitCode.Done;
        }
    }
}
