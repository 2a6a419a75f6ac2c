using SagaRecovery.Executor.Diagnostics;
using SagaRecovery.Executor.Progress;
using SagaRecovery.Executor.Running;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Executor.Tests;

/// <summary>The slots and queues of runs, with limits of single definitions.</summary>
public sealed class RunTableTests
{
    private static readonly SagaDefinition s_slow = DefinitionOf("slow");
    private static readonly SagaDefinition s_other = DefinitionOf("other");
    private static readonly SagaDefinition s_third = DefinitionOf("third");

    [Fact]
    public void Other_definitions_pass_a_definition_at_its_limit()
    {
        RunTable table = Table(maxRunning: 3, ("slow", 1));

        Admit(table, s_slow).Should().Be(Admission.Started);
        Admit(table, s_slow).Should().Be(Admission.Queued);
        Admit(table, s_other).Should().Be(Admission.Started);
        Admit(table, s_third).Should().Be(Admission.Started);
        Admit(table, s_other).Should().Be(Admission.Queued, "all slots are taken");

        table.Count().Should().Equal(new Dictionary<string, RunCount> { ["slow"] = new(1, 1, 0), ["other"] = new(1, 1, 0), ["third"] = new(1, 0, 0) });
    }

    [Fact]
    public void A_freed_slot_goes_to_the_run_that_waited_longest_among_those_whose_definition_has_room()
    {
        RunTable table = Table(maxRunning: 2, ("slow", 1), ("third", 1));
        SagaRun slow = Run(s_slow);
        SagaRun other = Run(s_other);
        table.Admit(slow, out _);
        table.Admit(other, out _);
        SagaRun[] queued = [Run(s_slow), Run(s_third), Run(s_other), Run(s_third), Run(s_slow)];
        foreach (SagaRun run in queued)
        {
            table.Admit(run, out _).Should().Be(Admission.Queued);
        }

        table.Remove(other).Should().BeSameAs(queued[1], "slow is at its limit, and third came before other");
        table.Remove(queued[1]).Should().BeSameAs(queued[2], "third has room again, and other came before");
        table.Remove(slow).Should().BeSameAs(queued[0], "the oldest of all");
        table.Remove(queued[0]).Should().BeSameAs(queued[3]);
        table.Remove(queued[2]).Should().BeSameAs(queued[4]);
        table.Remove(queued[4]).Should().BeNull();
        (table.Running, table.Waiting).Should().Be((1, 0));
    }

    [Fact]
    public void A_queued_run_names_the_limit_it_waits_for()
    {
        RunTable table = Table(maxRunning: 2, ("slow", 1));
        table.Admit(Run(s_slow), out _);
        SagaRun slow = Run(s_slow);
        table.Admit(slow, out _);
        table.Admit(Run(s_other), out _);
        SagaRun other = Run(s_other);
        table.Admit(other, out _);

        table.FindProgress(slow.Id)!.Limit.Should().Be("SagaRecovery:Executor:MaxRunningSagasByDefinition:slow = 1");
        table.FindProgress(other.Id).Should().Match<SagaRunProgress>(run =>
            run.Phase == RunPhase.WaitingForSlot && run.Limit == "SagaRecovery:Executor:MaxRunningSagas = 2");
    }

    [Fact]
    public void A_queued_run_that_is_stopped_leaves_its_queue_and_its_count()
    {
        RunTable table = Table(maxRunning: 2, ("slow", 1));
        SagaRun running = Run(s_slow);
        SagaRun stopped = Run(s_slow);
        SagaRun next = Run(s_slow);
        foreach (SagaRun run in new[] { running, stopped, next })
        {
            table.Admit(run, out _);
        }

        table.TryRelinquish(stopped.Id, stopped.Generation).Should().BeTrue();

        table.Count()["slow"].Should().Be(new RunCount(1, 1, 0));
        table.Remove(running).Should().BeSameAs(next);
    }

    [Fact]
    public async Task A_hundred_thousand_runs_that_wait_for_their_limit_do_not_slow_down_the_others()
    {
        const int Many = 50_000;
        RunTable table = Table(maxRunning: 2, ("slow", 1));
        table.Admit(Run(s_slow), out _);
        SagaRun running = Run(s_other);
        table.Admit(running, out _);
        for (int i = 0; i < Many; i++)
        {
            table.Admit(Run(s_slow), out _);
        }

        for (int i = 0; i < Many; i++)
        {
            table.Admit(Run(s_other), out _);
        }

        int passed = await Task.Run(() =>
        {
            int count = 0;
            while (table.Remove(running) is { } next)
            {
                next.Name.Should().Be("other");
                running = next;
                count++;
            }

            return count;
        }).WaitAsync(TimeSpan.FromSeconds(30)); // a scan of the queue would take 2.5 billion steps

        passed.Should().Be(Many);
        table.Waiting.Should().Be(Many);
    }

    [Fact]
    public void A_lent_slot_is_counted_once_however_its_run_ends()
    {
        RunTable table = Table(maxRunning: 1, ("slow", 1));
        SagaRun parent = Run(s_slow);
        SagaRun child = Run(s_slow);
        SagaRun next = Run(s_slow);
        table.Admit(parent, out _);
        table.Admit(child, out _).Should().Be(Admission.Queued);
        table.Admit(next, out _).Should().Be(Admission.Queued);

        table.LendSlot(parent).Should().BeSameAs(child);
        table.LendSlot(parent).Should().BeNull("it has one slot to lend, however many sagas it waits for");
        table.ReturnSlot(parent);
        table.Remove(child).Should().BeSameAs(next, "the parent still waits for another one");
        table.ReturnSlot(parent);
        table.Remove(next).Should().BeNull();
        table.Admit(next, out _).Should().Be(Admission.Queued, "the parent has its slot");
        table.LendSlot(parent).Should().BeSameAs(next);
        table.Remove(parent).Should().BeNull("it ended although it seemed to wait");
        table.ReturnSlot(parent);
        table.Admit(child, out _).Should().Be(Admission.Queued);
        table.Remove(next).Should().BeSameAs(child);
        table.LendSlot(parent).Should().BeNull("it has no slot any more");
    }

    private static RunTable Table(int maxRunning, params (string Definition, int Limit)[] limits) =>
        new(maxRunning, limits.ToDictionary(limit => limit.Definition, limit => limit.Limit));

    private static Admission Admit(RunTable table, SagaDefinition definition) => table.Admit(Run(definition), out _);

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
