using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Quartz;

namespace SagaRecovery.Benchmarks.Peers;

/// <summary>Quartz with its job store for PostgreSQL. A step is a trigger of a durable job; the first step schedules the second as its last action.</summary>
internal sealed class QuartzPeer(bool isTuned) : Peer
{
    private const int DefaultWorkers = 10;

    public override string Library => "Quartz";

    public override bool IsTuned => isTuned;

    public override string Settings =>
        (isTuned ? $"MaxConcurrency {TunedWorkers}, and so MaxBatchSize; " : "")
        + "RequestRecovery; not clustered; triggers that ignore misfires, since a queue is always late";

    public override string Guarantees =>
        "at least once per job, if it requests recovery (off by default); a step is a job, and a crash between scheduling step 2 and the end of step 1 runs "
        + "step 1 again; at the start of the one scheduler, in a cluster after its check-in is 7.5 + 7.5 s late (defaults)";

    private int Workers => isTuned ? TunedWorkers : DefaultWorkers;

    public override int AtGate(int jobs) => Math.Min(jobs, Workers);

    public override async Task<IPeerProcess> OpenAsync(string connectionString, JobSteps steps)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddSingleton(steps).AddQuartz(quartz =>
        {
            quartz.UsePersistentStore(store =>
            {
                store.UsePostgres(connectionString);
                store.ProvisionSchema();
            });
            if (isTuned)
            {
                // the batch of a persistent store is as large as the pool unless set
                quartz.UseDefaultThreadPool(TunedWorkers);
            }
        });
        IHost host = builder.Build();
        IScheduler scheduler = await host.Services.GetRequiredService<ISchedulerFactory>().GetScheduler();
        await scheduler.AddJob(JobBuilder.Create<QuartzFirstStep>().WithIdentity(QuartzSteps.First).StoreDurably().RequestRecovery().Build(), AddJobOptions.Replacing);
        await scheduler.AddJob(JobBuilder.Create<QuartzSecondStep>().WithIdentity(QuartzSteps.Second).StoreDurably().RequestRecovery().Build(), AddJobOptions.Replacing);
        return new Running(scheduler);
    }

    private sealed class Running(IScheduler scheduler) : IPeerProcess
    {
        public async Task RunAsync() => await scheduler.Start();

        public async Task SubmitAsync(int job) => await scheduler.ScheduleJob(QuartzSteps.Trigger(QuartzSteps.First, job));

        /// <summary>A worker at the gate has ended all its jobs before.</summary>
        public Task FirstStepsAreDurableAsync() => Task.CompletedTask;
    }
}

internal static class QuartzSteps
{
    public static readonly JobKey First = new("first");

    public static readonly JobKey Second = new("second");

    private const string Job = "job";

    public static ITrigger Trigger(JobKey step, int job) => TriggerBuilder.Create()
        .WithIdentity($"{step.Name}-{job}")
        .ForJob(step)
        .UsingJobData(Job, job)
        .StartNow()
        .WithSimpleSchedule(schedule => schedule.WithMisfireInstruction(SimpleTriggerMisfireInstruction.IgnoreMisfires))
        .Build();

    public static int JobOf(IJobExecutionContext context) => context.MergedJobDataMap.GetInt(Job);
}

internal sealed class QuartzFirstStep(JobSteps steps) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken = default)
    {
        int job = QuartzSteps.JobOf(context);
        steps.RunFirst(job);
        await context.Scheduler.ScheduleJob(QuartzSteps.Trigger(QuartzSteps.Second, job), cancellationToken: cancellationToken);
    }
}

internal sealed class QuartzSecondStep(JobSteps steps) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken = default) =>
        await steps.RunSecondAsync(QuartzSteps.JobOf(context));
}
