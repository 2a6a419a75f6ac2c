using SagaRecovery.Stress;
using SagaRecovery.Stress.Scenarios;
using SagaRecovery.Stress.Worker;
using Xunit.Runner.InProc.SystemConsole;

return args switch
{
    ["@@", ..] => await ConsoleRunner.Run(args), // dotnet test starts this program to run its tests
    [WorkerHost.Verb, .. var settings] => await WorkerHost.RunAsync(settings),
    [PartitionScenario.Verb, var duration, var seed] => await PartitionScenario.RunInsideAsync(duration, seed),
    _ => await StressCommand.Create().Parse(args).InvokeAsync(),
};
