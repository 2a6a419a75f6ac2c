using SagaRecovery.Bookkeeping;
using static SagaRecovery.Core.Tests.Fixture.ScriptedProcess;

namespace SagaRecovery.Core.Tests.Bookkeeping;

public class BackoffPolicyTests
{
    private static readonly SagaId[] ManySagas = MakeIds(seed: 7, count: 1000);

    private readonly BackoffPolicy _policy = BackoffPolicy.Default;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 4)]
    [InlineData(9, 256)]
    [InlineData(10, 512)]
    [InlineData(11, 600)]
    [InlineData(12, 600)]
    [InlineData(64, 600)]
    [InlineData(1000, 600)]
    [InlineData(int.MaxValue, 600)]
    public void The_delay_doubles_up_to_the_longest_less_at_most_half_of_it(int failures, int fullSeconds)
    {
        TimeSpan full = TimeSpan.FromSeconds(fullSeconds);
        TimeSpan[] delays = [.. ManySagas.Select(sagaId => _policy.Delay(sagaId, failures))];

        delays.Should().OnlyContain(delay => delay >= full / 2 && delay <= full);
    }

    [Fact]
    public void Sagas_that_failed_together_come_back_spread_over_the_whole_range()
    {
        const int Bins = 10;
        TimeSpan half = TimeSpan.FromSeconds(300);
        int[] counts = new int[Bins];
        foreach (SagaId sagaId in ManySagas)
        {
            counts[Math.Min(Bins - 1, (int)((_policy.Delay(sagaId, 20) - half) / half * Bins))]++;
        }

        counts.Should().OnlyContain(count => count > 60 && count < 140, "1,000 sagas fall evenly into 10 bins");
    }

    [Fact]
    public void The_same_saga_and_failures_always_give_the_same_delay()
    {
        _policy.NextTry(ManySagas[0], 3, Noon).Should().Be(new BackoffPolicy(_policy.First, _policy.Longest).NextTry(ManySagas[0], 3, Noon));
        _policy.NextTry(ManySagas[0], 3, Noon).Should().Be(Noon + _policy.Delay(ManySagas[0], 3));
    }

    [Fact]
    public void The_jitter_of_one_saga_changes_with_its_failures()
    {
        // at the cap the full delay is the same, so what differs is the jitter
        TimeSpan[] delays = [.. Enumerable.Range(20, 50).Select(failures => _policy.Delay(ManySagas[0], failures))];

        delays.Should().OnlyHaveUniqueItems();
    }

    [Fact]
    public void A_first_delay_above_the_longest_is_cut()
    {
        var policy = new BackoffPolicy(First: TimeSpan.FromHours(1), Longest: TimeSpan.FromMinutes(1));

        policy.Delay(ManySagas[0], 1).Should().BeLessThanOrEqualTo(TimeSpan.FromMinutes(1));
    }

    private static SagaId[] MakeIds(int seed, int count)
    {
        var random = new Random(seed);
        byte[] bytes = new byte[16];
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            random.NextBytes(bytes);
            return new SagaId(new Guid(bytes));
        })];
    }
}
