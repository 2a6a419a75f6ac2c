using SagaRecovery.Benchmarks.Reports;

namespace SagaRecovery.Benchmarks.Tests;

public sealed class StatisticsTests
{
    [Fact]
    public void The_median_of_an_odd_number_is_the_middle_one_in_any_order() =>
        Statistics.Of([9, 1, 2]).Should().Be(new Statistics(Median: 2, Min: 1, Max: 9));

    [Fact]
    public void The_median_of_an_even_number_lies_between_the_two_in_the_middle() =>
        Statistics.Of([4, 1, 2, 100]).Median.Should().Be(3);

    [Theory]
    [InlineData(0.5, 50)]
    [InlineData(0.99, 99)]
    [InlineData(0.991, 100)]
    [InlineData(1, 100)]
    [InlineData(0, 1)]
    public void A_percentile_is_the_value_that_so_many_do_not_exceed(double share, double value) =>
        Statistics.Percentile(Enumerable.Range(1, 100).Reverse().Select(number => (double)number), share).Should().Be(value);

    [Fact]
    public void An_empty_list_has_no_percentile() =>
        FluentActions.Invoking(() => Statistics.Percentile([], 0.5)).Should().Throw<ArgumentException>();

    [Fact]
    public void An_empty_list_has_no_median() =>
        FluentActions.Invoking(() => Statistics.Of([])).Should().Throw<ArgumentException>();
}
