using SagaRecovery.Cli;
using SagaRecovery.Cli.CommandLine;

return await Invocation.RunAsync(args, Surroundings.OfProcess()).ConfigureAwait(false);
