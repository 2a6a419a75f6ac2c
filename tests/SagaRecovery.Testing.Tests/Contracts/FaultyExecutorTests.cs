using SagaRecovery.Testing.Contracts;

namespace SagaRecovery.Testing.Tests.Contracts;

/// <summary>The suite can fail: an executor that lacks one guard breaks the rule that is about it. Every rule is caught out at least once.</summary>
public sealed class FaultyExecutorTests
{
    public static TheoryData<string> Rules => [.. SagaExecutorContract.Rules];

    public static TheoryData<Guard, string> Caught => new()
    {
        { Guard.Begin, "Sagas that are handed over are resumed, and come to their end" },
        { Guard.OneRun, "A saga that is running is not run a second time" },
        { Guard.OneRun, "Of many hand-overs of one saga at once, one is taken" },
        { Guard.CarryOwnership, "A run writes with the ownership that it was handed" },
        { Guard.UnknownDefinition, "A saga whose definition is not here is left alone, and may be offered again" },
        { Guard.ReplaceOlder, "A newer generation replaces an older run, which does nothing more that counts" },
        { Guard.KeepNewer, "An older generation never replaces a newer run" },
        { Guard.NoteEnd, "A run whose last write is under way is at its end: relinquishing it answers 'NotRunning'" },
        { Guard.StopRelinquished, "A relinquished run begins no new work" },
        { Guard.ForgetRelinquished, "Relinquishing what is not running answers 'NotRunning'" },
        { Guard.TakeBack, "A saga that was relinquished can be handed over anew" },
        { Guard.OneRun, "A newer generation that was handed over many times at once is run once" },
        { Guard.RelinquishUpTo, "Relinquishing up to an older generation leaves a newer run alone" },
        { Guard.TakeNoForAnAnswer, "A run whose write is refused stops, and does not try again" },
        { Guard.StopWhenRefused, "A run whose write is refused stops, and does not try again" },
        { Guard.StopWhenFenced, "When the process is fenced, all runs stop and none is taken on" },
        { Guard.RefuseWhenFenced, "When the process is fenced, all runs stop and none is taken on" },
        { Guard.Interrupt, "A run that stops before its saga has ended is given up, and recovered by the next pass" },
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
        Caught.Select(row => (string)row[1]).Distinct().Should().BeEquivalentTo(SagaExecutorContract.Rules);

    [Fact]
    public async Task Stopping_a_run_that_was_replaced_is_left_to_the_fence()
    {
        // Its write is refused, since the saga's generation has moved on: it stops then, one step too many at most.
        await using var subject = new SmallSubject(Guard.StopReplaced);
        await SagaExecutorContract.CheckAsync("A newer generation replaces an older run, which does nothing more that counts", subject);
    }
}
