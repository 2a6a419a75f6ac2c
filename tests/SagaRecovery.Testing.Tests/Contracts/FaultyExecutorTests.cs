using SagaRecovery.Testing.Contracts;

namespace SagaRecovery.Testing.Tests.Contracts;

/// <summary>The suite can fail: an executor that lacks one guard breaks the corresponding rule. Every rule fails at least once.</summary>
public sealed class FaultyExecutorTests
{
    public static TheoryData<string> Rules => [.. SagaExecutorContract.Rules];

    public static TheoryData<Guard, string> Caught => new()
    {
        { Guard.Begin, "Resumed sagas run to completion" },
        { Guard.OneRun, "A running saga is not run a second time" },
        { Guard.OneRun, "Of concurrent resumes of one saga, exactly one starts a run" },
        { Guard.CarryOwnership, "A run writes with the ownership that it was resumed with" },
        { Guard.UnknownDefinition, "A saga with an unknown definition stays unchanged and can be offered again" },
        { Guard.ReplaceOlder, "A newer generation replaces an older run, whose later work has no effect" },
        { Guard.KeepNewer, "An older generation never replaces a newer run" },
        { Guard.NoteEnd, "Relinquishing a run whose final write is in flight returns 'NotRunning'" },
        { Guard.StopRelinquished, "A relinquished run starts no new work" },
        { Guard.ForgetRelinquished, "Relinquishing a saga that is not running returns 'NotRunning'" },
        { Guard.TakeBack, "A relinquished saga can be resumed again" },
        { Guard.OneRun, "Concurrent resumes of a newer generation start exactly one run" },
        { Guard.RelinquishUpTo, "Relinquishing up to an older generation does not stop a newer run" },
        { Guard.TakeNoForAnAnswer, "A run whose write is refused stops and does not retry" },
        { Guard.StopWhenRefused, "A run whose write is refused stops and does not retry" },
        { Guard.StopWhenFenced, "When the process is fenced, all runs stop and no new run starts" },
        { Guard.RefuseWhenFenced, "When the process is fenced, all runs stop and no new run starts" },
        { Guard.Interrupt, "A run that stops before its saga ends is reported as interrupted, and a later pass recovers the saga" },
    };

    [Theory]
    [MemberData(nameof(Rules))]
    public async Task With_all_its_guards_a_small_executor_keeps_the_contract(string rule)
    {
        await using var subject = new SmallSubject();
        await SagaExecutorContract.CheckAsync(rule, subject);
    }

    [Theory]
    [MemberData(nameof(Caught))]
    public async Task An_executor_that_lacks_one_guard_is_caught(Guard lacking, string rule)
    {
        await using var subject = new SmallSubject(lacking);
        Func<Task> check = () => SagaExecutorContract.CheckAsync(rule, subject);

        ContractViolationException violation = (await check.Should().ThrowAsync<ContractViolationException>()).Which;

        violation.Rule.Should().Be(rule);
        violation.Message.Should().ContainAll(rule, violation.Expected, violation.Happened, violation.Cost);
    }

    [Fact]
    public void No_rule_is_left_that_nothing_breaks() =>
        Caught.Select(row => row.Data.Item2).Distinct().Should().BeEquivalentTo(SagaExecutorContract.Rules);

    [Fact]
    public async Task Stopping_a_run_that_was_replaced_is_left_to_the_fence()
    {
        // Its write is refused, since the saga's generation is newer: it stops then, one step too many at most.
        await using var subject = new SmallSubject(Guard.StopReplaced);
        await SagaExecutorContract.CheckAsync("A newer generation replaces an older run, whose later work has no effect", subject);
    }
}
