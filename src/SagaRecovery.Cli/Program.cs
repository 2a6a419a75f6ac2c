using SagaRecovery.Cli;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Commands;

ToolEnvironment environment = ToolEnvironment.ForCurrentProcess();
return await Invocation.RunAsync(ToolCommands.Create(environment), args, environment).ConfigureAwait(false);
