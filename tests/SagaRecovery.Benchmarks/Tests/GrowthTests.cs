using SagaRecovery.Benchmarks.Reports;

namespace SagaRecovery.Benchmarks.Tests;

public sealed class GrowthTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    [InlineData(1)]
    [InlineData(2)]
    public void The_exponent_of_a_power_is_found(double exponent) =>
        Growth.Exponent(new double[] { 1_000, 10_000, 100_000 }.Select(size => (size, 7 * Math.Pow(size, exponent)))).Should().BeApproximately(exponent, 1e-9);

    [Fact]
    public void A_fixed_cost_makes_growth_look_less_than_linear() =>
        Growth.Exponent([(10, 110), (100, 200), (1_000, 1_100)]).Should().BeInRange(0.4, 0.6);

    [Fact]
    public void Two_sizes_prove_no_curve() => Growth.Exponent([(10, 10), (100, 100), (100, 120)]).Should().BeNull();

    [Fact]
    public void The_size_zero_does_not_count() => Growth.Exponent([(0, 10), (10, 10), (100, 100)]).Should().BeNull();

    [Fact]
    public void A_cost_of_nothing_does_not_count() => Growth.Exponent([(10, 0), (100, 1), (1_000, 10)]).Should().BeNull();
}
