using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Executor.Progress;
using SagaRecovery.Executor.Running;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Executor.Tests;

/// <summary>How many resumed runs the executor takes, so that the rest of the sagas is not loaded.</summary>
public sealed class SlotCapacityTests
{
    private const int Prefetched = 200; // the runs that may wait for one of few slots

    private static readonly SagaDefinition s_slow = DefinitionOf("slow");
    private static readonly SagaDefinition s_other = DefinitionOf("other");

    [Fact]
    public void The_executor_takes_as_many_as_have_a_slot_and_some_that_wait_for_one()
    {
        RunTable table = Table(maxRunning: 2);

        table.GetCapacity().Should().BeEquivalentTo(new ExecutorCapacity(2 + Prefetched));
        Resume(table, s_other, 2 + (Prefetched / 2));
        table.GetCapacity().Shared.Should().Be(Prefetched / 2);
        Resume(table, s_other, 1);
        table.GetCapacity().Shared.Should().Be(0, "the next batch is loaded once half of them have a slot");
    }

    [Fact]
    public void A_definition_with_a_limit_of_its_own_takes_nothing_from_the_others()
    {
        RunTable table = Table(maxRunning: 10, ("slow", 2));

        Resume(table, s_slow, 18);

        table.GetCapacity().ByDefinition["slow"].Should().Be(0);
        table.GetCapacity().Shared.Should().Be(8 + Prefetched, "8 of 10 slots are free");
    }

    [Fact]
    public void Many_queued_starts_leave_room_for_recovered_sagas_and_both_take_turns()
    {
        RunTable table = Table(maxRunning: 1);
        SagaRun running = Run(s_other);
        table.Admit(running, out _);
        SagaRun[] started = [Run(s_other), Run(s_other), Run(s_other)];
        foreach (SagaRun run in started)
        {
            table.Admit(run, out _);
        }

        table.GetCapacity().Shared.Should().Be(Prefetched);
        SagaRun[] resumed = Resume(table, s_other, 2);

        List<SagaRun> order = [];
        while (table.Remove(running) is { } next)
        {
            order.Add(next);
            running = next;
        }

        order.Should().Equal(resumed[0], started[0], resumed[1], started[1], started[2]);
    }

    [Fact]
    public void Capacity_is_reported_once_until_recovery_asks_for_it()
    {
        RunTable table = Table(maxRunning: 1);
        SagaRun[] runs = Resume(table, s_other, 1 + (Prefetched / 2) + 1);
        table.HasCapacityToReport().Should().BeFalse("more than half wait");

        table.Remove(runs[0]);

        table.HasCapacityToReport().Should().BeTrue();
        table.HasCapacityToReport().Should().BeFalse();
        table.GetCapacity();
        table.HasCapacityToReport().Should().BeTrue();
    }

    [Fact]
    public async Task A_closed_table_takes_none_and_reports_none()
    {
        RunTable table = Table(maxRunning: 1);

        await table.CloseAsync(StopReason.Shutdown);

        table.GetCapacity().Should().Be(ExecutorCapacity.None);
        table.HasCapacityToReport().Should().BeFalse();
    }

    [Fact]
    public void A_saga_that_is_not_loaded_waits_for_the_limit_of_its_definition()
    {
        RunTable table = Table(maxRunning: 9, ("slow", 1));
        SagaRun run = Resume(table, s_slow, 1)[0];

        table.DescribeSlotLimit("slow").Should().Be(new SlotLimit("SagaRecovery:Executor:MaxRunningSagasByDefinition:slow = 1", run.Id) { Slots = new SlotUse(1, 1) });
        table.DescribeSlotLimit("other").Should().Match<SlotLimit>(limit => limit.Setting == "SagaRecovery:Executor:MaxRunningSagas = 9" && limit.Slots == new SlotUse(1, 9));
    }

    private static RunTable Table(int maxRunning, params (string Definition, int Limit)[] limits) =>
        new(maxRunning, limits.ToDictionary(limit => limit.Definition, limit => limit.Limit));

    private static SagaRun[] Resume(RunTable table, SagaDefinition definition, int count)
    {
        SagaRun[] runs = [.. Enumerable.Range(0, count).Select(_ => Run(definition))];
        foreach (SagaRun run in runs)
        {
            run.IsResumed = true;
            table.Admit(run, out _);
        }

        return runs;
    }

    private static SagaDefinition DefinitionOf(string name) =>
        new TestSaga(name, saga => saga.Node("only", _ => Task.CompletedTask)).BuildDefinition(System.Text.Json.JsonSerializerOptions.Web);

    /// <summary>A run that is never executed.</summary>
    private static SagaRun Run(SagaDefinition definition)
    {
        var context = new RunContext(
            new SagaId(Guid.NewGuid()),
            definition,
            new Membership(TestProcess.Me, new Incarnation(1), default).Of(AdoptGeneration.Initial),
            SagaState.Running,
            new SagaProgress(definition.Shape),
            Code: null!,
            new StepPipelines(definition, new SteadyTimeProvider(TimeProvider.System)),
            Injections: null,
            StartedBy: null,
            Cancellation: null,
            Deadline: null);
        var services = new RunServices(TimeSpan.FromHours(1), _ => { }, Transactions: null!, _ => Task.FromResult<SagaCancellation?>(null));
        return new SagaRun(context, writer: null!, services, new SteadyTimeProvider(TimeProvider.System), Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
    }
}
