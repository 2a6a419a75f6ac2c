using System.CommandLine;
using System.CommandLine.Help;
using SagaRecovery.Cli.CommandLine;

namespace SagaRecovery.Cli.Commands;

/// <summary>All commands.</summary>
internal static class ToolCommands
{
    public static RootCommand Create(Surroundings around)
    {
        var common = new CommonOptions(around);
        RootCommand root = new(
            """
            What saga recovery did, why a saga is not running, and the levers.
            Asks a service's endpoints (--url), or goes straight to Postgres (--connection).
            """)
        {
            StatusCommand.Create(common),
            WatchCommand.Create(common),
            ActivateCommand.Create(common),
            PlanCommand.Create(common),
            ExplainCommand.Create(common),
            RecoveryActionCommands.CreatePause(common),
            RecoveryActionCommands.CreateResume(common),
            new Command("sagas", "Sagas: list them, look at one, pull a lever on one")
            {
                SagaListCommand.Create(common),
                SagaShowCommand.Create(common),
                SagaActionCommands.CreateHold(common),
                SagaActionCommands.CreateRelease(common),
                SagaActionCommands.CreateRetry(common),
                DestructiveCommands.CreateAbandon(common),
                DestructiveCommands.CreateInjectError(common),
            },
            DrainCommand.Create(common),
            new Command("coordinators", "The processes that own and run sagas: list them, give the sagas of one to others")
            {
                CoordinatorListCommand.Create(common),
                OrphansCommand.Create(common),
                ReassignCommand.Create(common),
                RevokeAllCommand.Create(common),
            },
            new Command("schema", "The tables in Postgres")
            {
                SchemaCommands.CreateScript(common),
                SchemaCommands.CreateCheck(common),
                SchemaCommands.CreateApply(common),
            },
            CompletionCommand.Create(common),
        };
        common.AddTo(root);
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        return root;
    }
}
