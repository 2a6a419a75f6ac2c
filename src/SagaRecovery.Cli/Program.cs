using SagaRecovery.Cli;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Commands;

Surroundings around = Surroundings.OfProcess();
return await Invocation.RunAsync(ToolCommands.Create(around), args, around).ConfigureAwait(false);
