using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>A service with its default settings that has nothing to do: it has no sagas, or all of them wait in their first node.</summary>
internal sealed class IdleSubject : Subject
{
    public const string SubjectName = "idle process";

    private const int Passes = 100;
    private const int Heartbeats = 500;

    /// <summary>After it nothing of the start is left: the probation is over, and the runtime has compiled what it compiles in the background.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(10);

    public override string Name => SubjectName;

    /// <param name="task">The task. Its repetitions are the seconds for which the process is observed.</param>
    /// <param name="meter">The meter. It only notes figures, since its samples would be work of their own.</param>
    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        using IHost host = ChainHost.Create(source, task.Owner, atATime: Math.Max(1, task.Sagas), new Gate());
        await host.StartAsync();
        await ChainHost.HasUnfinishedAsync(host, task.Sagas);
        SagaRecoveryTrigger trigger = host.Services.GetRequiredService<SagaRecoveryTrigger>();
        await WarmUp.RunAsync(task.WarmUpRounds, () => trigger.ActivateAsync());
        await ObserveAsync(task, meter);
        meter.Note(Metric.BytesAPass, await BytesOf(Passes, () => trigger.ActivateAsync()));
        meter.Note(Metric.BytesAHeartbeat, await BytesOfHeartbeatAsync(task));
        await host.StopAsync();
    }

    /// <summary>Returns the bytes that this process allocates for one operation of many.</summary>
    public static async Task<double> BytesOf(int operations, Func<Task> operation)
    {
        for (int i = 0; i < operations; i++)
        {
            await operation(); // compiles
        }

        long before = GC.GetTotalAllocatedBytes(precise: true);
        for (int i = 0; i < operations; i++)
        {
            await operation();
        }

        return (double)(GC.GetTotalAllocatedBytes(precise: true) - before) / operations;
    }

    private static async Task ObserveAsync(SubjectTask task, Meter meter)
    {
        await using StatementCounts statements = await StatementCounts.OpenAsync(task.ConnectionString);
        await Task.Delay(task.Repeats == 1 ? TimeSpan.Zero : Settling);
        await statements.ResetAsync();
        long began = Stopwatch.GetTimestamp();
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        await Task.Delay(TimeSpan.FromSeconds(task.Repeats));
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        meter.Note(Metric.CpuSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
        meter.Note(Metric.AllocatedBytes, GC.GetTotalAllocatedBytes(precise: true) - allocated);
        meter.Note(Metric.Seconds, seconds);
        IReadOnlyDictionary<string, long> calls = await statements.ReadAsync();
        meter.Note(Metric.StatementsASecond, calls.Values.Sum() / seconds);
        foreach ((string statement, long count) in calls)
        {
            meter.Note(Metric.StatementsASecondOf(statement), count / seconds);
        }
    }

    /// <summary>The heartbeats of another coordinator, one after the other.</summary>
    private static async Task<double> BytesOfHeartbeatAsync(SubjectTask task)
    {
        await using ProcessStore store = await ProcessStore.JoinAsync(task.ConnectionString, task.WarmUpOwner);
        await HeartbeatSubject.ReportEachAsync(store, task.WarmUpOwner);
        await using Heartbeats heartbeats = await Subjects.Heartbeats.StartAsync(store, period: TimeSpan.Zero);
        await heartbeats.MeasureAsync(Heartbeats); // compiles
        long before = GC.GetTotalAllocatedBytes(precise: true);
        IReadOnlyList<double> measured = await heartbeats.MeasureAsync(Heartbeats);
        return (double)(GC.GetTotalAllocatedBytes(precise: true) - before) / measured.Count;
    }
}
