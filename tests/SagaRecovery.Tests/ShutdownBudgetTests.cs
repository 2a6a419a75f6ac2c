using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using SagaRecovery.Hosting;

namespace SagaRecovery.Tests;

public sealed class ShutdownBudgetTests
{
    private readonly FakeTimeProvider _time = new();

    [Theory]
    [InlineData(30, 25, 20)]
    [InlineData(30, 8, 8)]
    [InlineData(8, 8, 4)]
    [InlineData(-1, 25, 25)]
    public void A_drain_leaves_time_for_steps_to_stop_and_for_the_last_reports(int shutdownTimeout, int drainFor, int limit)
    {
        var timeout = shutdownTimeout < 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(shutdownTimeout);
        var budget = new ShutdownBudget(Options.Create(new HostOptions { ShutdownTimeout = timeout }), _time);
        budget.Begin();

        TimeSpan drain = budget.DrainLimit(TimeSpan.FromSeconds(drainFor));
        drain.Should().Be(TimeSpan.FromSeconds(limit));
        _time.Advance(drain);

        budget.Limit(TimeSpan.FromSeconds(10)).Should().BeGreaterThanOrEqualTo(TimeSpan.FromSeconds(2));
    }
}
