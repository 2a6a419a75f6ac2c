using SagaRecovery.Benchmarks.Reports;

namespace SagaRecovery.Benchmarks.Tests;

public sealed class GoalTests
{
    [Theory]
    [InlineData(0.99, true)]
    [InlineData(1, true)]
    [InlineData(1.01, false)]
    public void What_is_to_be_little_is_reached_up_to_its_limit(double measured, bool reached) =>
        Goal.AtMost("time", measured, 1, "s").IsReached.Should().Be(reached);

    [Theory]
    [InlineData(0.79, false)]
    [InlineData(0.8, true)]
    [InlineData(2, true)]
    public void What_is_to_be_much_is_reached_from_its_limit_on(double measured, bool reached) =>
        Goal.AtLeast("speed", measured, 0.8, "x").IsReached.Should().Be(reached);
}
