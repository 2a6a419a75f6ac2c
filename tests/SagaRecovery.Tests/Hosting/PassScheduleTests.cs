using SagaRecovery.Hosting;
using SagaRecovery.Status;

namespace SagaRecovery.Tests.Hosting;

public sealed class PassScheduleTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly SagaRecoveryOptions _options = new() { Period = TimeSpan.FromMinutes(10), RetryDelay = TimeSpan.FromSeconds(1) };

    [Fact]
    public void After_a_good_pass_the_period_goes_by() =>
        Next().Should().Be(new PassSchedule(TimeSpan.FromMinutes(10), PassReason.Periodic));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(5, 16)]
    [InlineData(6, 30)]
    [InlineData(5_000, 30)]
    public void After_failed_passes_the_delay_doubles_up_to_half_a_minute(int failed, int seconds) =>
        Next(failed, dueIn: 3).Should().Be(new PassSchedule(TimeSpan.FromSeconds(seconds), PassReason.Retry));

    [Theory]
    [InlineData(90, 600, 90)]
    [InlineData(1, 10, 10)]
    [InlineData(90, 60, 60)]
    public void A_longer_first_delay_is_kept_and_none_is_longer_than_the_period(int first, int period, int longest)
    {
        (_options.RetryDelay, _options.Period) = (TimeSpan.FromSeconds(first), TimeSpan.FromSeconds(period));

        Next(failed: 20).Delay.Should().Be(TimeSpan.FromSeconds(longest));
    }

    [Theory]
    [InlineData(30, 30)]
    [InlineData(0.2, 1)]
    [InlineData(-50, 1)]
    public void A_saga_that_is_backing_off_is_tried_when_it_is_due_but_not_in_a_tight_loop(double dueIn, double seconds) =>
        Next(dueIn: dueIn).Should().Be(new PassSchedule(TimeSpan.FromSeconds(seconds), PassReason.Due));

    [Fact]
    public void A_saga_that_is_due_later_than_the_period_changes_nothing() =>
        Next(dueIn: 601).Reason.Should().Be(PassReason.Periodic);

    private PassSchedule Next(int failed = 0, double? dueIn = null) =>
        PassSchedule.Next(failed, dueIn is { } seconds ? Now.AddSeconds(seconds) : null, probationEnds: null, Now, _options);
}
