using System.CommandLine;
using System.CommandLine.Help;
using SagaRecovery.Cli.CommandLine;

namespace SagaRecovery.Cli.Commands;

/// <summary>Builds the command tree of the tool.</summary>
internal static class ToolCommands
{
    public static RootCommand Create(ToolEnvironment environment)
    {
        var common = new CommonOptions(environment);
        RootCommand root = new(
            """
            Shows what saga recovery did, explains why a saga is not running, and runs operator actions.
            Works through a service's endpoints (--url) or directly on Postgres (--connection).
            """)
        {
            StatusCommand.Create(common),
            ProblemCommands.Create(common),
            WatchCommand.Create(common),
            ActivateCommand.Create(common),
            PlanCommand.Create(common),
            ExplainCommand.Create(common),
            WhatIsCommand.Create(common),
            RecoveryActionCommands.CreatePause(common),
            RecoveryActionCommands.CreateResume(common),
            new Command("sagas", "List and show sagas, and run operator actions on them")
            {
                SagaListCommand.Create(common),
                SagaShowCommand.Create(common),
                SagaActionCommands.CreateHold(common),
                SagaActionCommands.CreateRelease(common),
                SagaActionCommands.CreateRetry(common),
                DestructiveCommands.CreateCancel(common),
                DestructiveCommands.CreateAbandon(common),
                DestructiveCommands.CreateInjectError(common),
                DestructiveCommands.CreateRetryUndo(common),
                DestructiveCommands.CreateSkipUndo(common),
                PurgeCommand.Create(common),
                ImportCommand.Create(common),
            },
            new Command("batch", "Run an operator action on all sagas of a filter, after a dry run has listed them")
            {
                BatchCommands.CreateCancel(common),
                BatchCommands.CreateHold(common),
                BatchCommands.CreateRelease(common),
                BatchCommands.CreateReassign(common),
                BatchCommands.CreateAbandon(common),
            },
            DrainCommand.Create(common),
            new Command("coordinators", "List the processes that own and run sagas, and reassign their sagas")
            {
                CoordinatorListCommand.Create(common),
                OrphansCommand.Create(common),
                ReassignCommand.Create(common),
                RevokeAllCommand.Create(common),
                ForgetCommand.Create(common),
            },
            new Command("definitions", "List the definitions of sagas, and which of them is still needed")
            {
                DefinitionListCommand.Create(common),
            },
            new Command("schema", "Print, check and apply the schema of the tables in Postgres")
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
