using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;

namespace SagaRecovery.Core.Tests.Bookkeeping;

/// <summary>The coordinators judged dead, observation by observation.</summary>
public sealed class HeartbeatMonitorTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);
    private static readonly CoordinatorId Us = new(new Guid(1, 0, 0, new byte[8]));
    private static readonly CoordinatorId Other = new(new Guid(2, 0, 0, new byte[8]));

    private readonly HeartbeatMonitor _watch = new(Us, after: TimeSpan.FromSeconds(30), longestGap: TimeSpan.FromSeconds(15));

    [Fact]
    public void One_that_was_watched_in_silence_for_long_enough_is_dead()
    {
        for (int second = 0; second < 30; second += 5)
        {
            Observe(second, otherSeen: -100).Should().BeEmpty($"it was watched for {second} s only, however long it has been silent");
        }

        Observe(30, otherSeen: -100).Should().ContainSingle().Which.Id.Should().Be(Other);
        Observe(35, otherSeen: -100).Should().ContainSingle("it remains dead");
    }

    [Fact]
    public void A_heartbeat_restarts_the_silence()
    {
        ObserveUntil(25, otherSeen: -1);
        Observe(30, otherSeen: 28).Should().BeEmpty();
        ObserveUntil(55, otherSeen: 28, from: 35).Should().BeEmpty();
        Observe(60, otherSeen: 28).Should().ContainSingle();
    }

    [Fact]
    public void A_new_process_under_the_id_restarts_the_silence()
    {
        ObserveUntil(25, otherSeen: -1);
        _watch.Observe([Sighting(Us, 30), Sighting(Other, -1, incarnation: 2)], At(30), TimeSpan.FromSeconds(30)).Should().BeEmpty();
    }

    [Theory]
    [InlineData(16, 16)] // we were stalled, or the store was away
    [InlineData(5, 16)] // we were stalled, and the store's clock was set back meanwhile
    [InlineData(16, 5)] // the store's clock jumped
    [InlineData(-1, 5)] // the store is another one, or was put back
    public void A_gap_restarts_every_silence(int storeSeconds, int ownSeconds)
    {
        ObserveUntil(25, otherSeen: -1);
        (int store, int own) = (25 + storeSeconds, 25 + ownSeconds);

        for (int second = 0; second < 30; second += 5)
        {
            _watch.Observe([Sighting(Us, store + second), Sighting(Other, -1)], At(store + second), TimeSpan.FromSeconds(own + second)).Should().BeEmpty();
        }

        _watch.Observe([Sighting(Us, store + 30), Sighting(Other, -1)], At(store + 30), TimeSpan.FromSeconds(own + 30)).Should().ContainSingle();
    }

    [Fact]
    public void A_view_without_a_fresh_heartbeat_of_the_watcher_is_ignored()
    {
        for (int second = 0; second <= 120; second += 5)
        {
            _watch.Observe([Sighting(Us, second - 16), Sighting(Other, -1)], At(second), TimeSpan.FromSeconds(second)).Should().BeEmpty("it is out of date");
        }

        for (int second = 125; second <= 240; second += 5)
        {
            _watch.Observe([Sighting(Other, -1)], At(second), TimeSpan.FromSeconds(second)).Should().BeEmpty("the watcher is not in it");
        }
    }

    [Fact]
    public void An_empty_view_declares_no_coordinator_dead_and_restarts_every_silence()
    {
        ObserveUntil(25, otherSeen: -1);
        _watch.Observe([], At(30), TimeSpan.FromSeconds(30)).Should().BeEmpty();
        Observe(35, otherSeen: -1).Should().BeEmpty();
        ObserveUntil(60, otherSeen: -1, from: 40).Should().BeEmpty();
        Observe(65, otherSeen: -1).Should().ContainSingle();
    }

    [Theory]
    [InlineData(10, 1)]
    [InlineData(1, 10)]
    public void One_clock_alone_does_not_suffice(int storeStep, int ownStep)
    {
        for (int round = 0; round <= 10; round++)
        {
            int second = round * storeStep;
            _watch.Observe([Sighting(Us, second), Sighting(Other, -1)], At(second), TimeSpan.FromSeconds(round * ownStep)).Should().BeEmpty();
        }
    }

    [Fact]
    public void Two_observations_do_not_suffice()
    {
        var hasty = new HeartbeatMonitor(Us, after: TimeSpan.FromSeconds(5), longestGap: TimeSpan.FromSeconds(15));

        hasty.Observe([Sighting(Us, 0), Sighting(Other, -1)], At(0), TimeSpan.Zero).Should().BeEmpty();
        hasty.Observe([Sighting(Us, 10), Sighting(Other, -1)], At(10), TimeSpan.FromSeconds(10)).Should().BeEmpty();
        hasty.Observe([Sighting(Us, 20), Sighting(Other, -1)], At(20), TimeSpan.FromSeconds(20)).Should().ContainSingle();
    }

    [Fact]
    public void The_watcher_does_not_judge_itself()
    {
        for (int second = 0; second <= 60; second += 5)
        {
            _watch.Observe([Sighting(Us, 0)], At(second), TimeSpan.FromSeconds(second)).Should().BeEmpty();
        }
    }

    private static DateTimeOffset At(int second) => Start.AddSeconds(second);

    private static CoordinatorObservation Sighting(CoordinatorId id, int lastSeen, int incarnation = 1) =>
        new(id, new Incarnation(incarnation), CoordinatorState.Active, At(lastSeen));

    private IReadOnlyList<CoordinatorObservation> Observe(int second, int otherSeen) =>
        _watch.Observe([Sighting(Us, second), Sighting(Other, otherSeen)], At(second), TimeSpan.FromSeconds(second));

    private IReadOnlyList<CoordinatorObservation> ObserveUntil(int second, int otherSeen, int from = 0)
    {
        IReadOnlyList<CoordinatorObservation> dead = [];
        for (int at = from; at <= second; at += 5)
        {
            dead = [.. dead, .. Observe(at, otherSeen)];
        }

        return dead;
    }
}
