namespace SagaRecovery.Benchmarks.Tests;

public sealed class TurnOrderTests
{
    [Fact]
    public void Every_other_turn_is_reversed() =>
        Enumerable.Range(1, 4).Select(new TurnOrder(4, Alternates: true).IsReversed).Should().Equal(false, true, false, true);

    [Fact]
    public void By_default_all_turns_have_one_order() => Enumerable.Range(1, 4).Should().NotContain(turn => new TurnOrder(4).IsReversed(turn));
}
