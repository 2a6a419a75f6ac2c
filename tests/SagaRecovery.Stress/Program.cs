using SagaRecovery.Stress;
using SagaRecovery.Stress.Scenarios;
using SagaRecovery.Stress.Worker;

return args switch
{
    [WorkerHost.Verb, .. var settings] => await WorkerHost.RunAsync(settings),
    [PartitionScenario.Verb, var duration, var seed] => await PartitionScenario.RunInsideAsync(duration, seed),
    _ => await StressCommand.Create().Parse(args).InvokeAsync(),
};
