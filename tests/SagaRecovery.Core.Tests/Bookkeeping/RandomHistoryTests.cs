using SagaRecovery.Core.Tests.Fixture;

namespace SagaRecovery.Core.Tests.Bookkeeping;

public class RandomHistoryTests
{
    private const int Steps = 5_000;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 3)]
    [InlineData(4, 5)]
    public void After_any_history_with_few_slots_every_saga_of_ours_runs_once_and_the_totals_match_what_happened(int seed, int maxRunning)
    {
        var walk = new RandomWalk(seed, maxRunning);

        Action history = () => walk.Take(Steps);

        history.Should().NotThrow("the history of seed {0} is a good one", seed);
        walk.Taken.Should().HaveCount(20, "a step that is never taken tests nothing: {0}", string.Join(' ', walk.Taken));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void After_any_history_every_saga_of_ours_runs_once_and_the_totals_match_what_happened(int seed)
    {
        var walk = new RandomWalk(seed);

        Action history = () => walk.Take(Steps);

        history.Should().NotThrow("the history of seed {0} is a good one", seed);
        walk.Taken.Should().HaveCount(20, "a step that is never taken tests nothing: {0}", string.Join(' ', walk.Taken));
    }
}
