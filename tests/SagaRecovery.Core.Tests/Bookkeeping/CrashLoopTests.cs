using SagaRecovery.Bookkeeping;
using SagaRecovery.Core.Tests.Fixture;
using SagaRecovery.Status;
using static SagaRecovery.Core.Tests.Fixture.ScriptedProcess;

namespace SagaRecovery.Core.Tests.Bookkeeping;

/// <summary>Successive processes that some saga kills, until none dies any more.</summary>
public sealed class CrashLoopTests
{
    [Theory]
    [InlineData(1, 1, 3)] // it is alone in flight from the first
    [InlineData(21, 1, 5)] // 21, 3, then alone three times
    [InlineData(1_000, 1, 7)] // 1,000, 125, 16, 2, then alone three times
    public void A_saga_that_kills_its_process_is_held_after_a_few_deaths(int sagas, int poisonous, int deaths)
    {
        var loop = new CrashLoop(sagas, Enumerable.Range(1, poisonous).Select(Saga));

        loop.RunUntilNoProcessDies();

        loop.Deaths.Should().Be(deaths);
        loop.IsAsItShouldBe();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Any_number_of_killers_at_any_position_are_held_and_the_others_run(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 50; round++)
        {
            int sagas = random.Next(1, 200);
            int poisonous = random.Next(0, Math.Min(4, sagas + 1));
            var loop = new CrashLoop(sagas, Enumerable.Range(1, sagas).OrderBy(_ => random.Next()).Take(poisonous).Select(Saga));

            loop.RunUntilNoProcessDies();

            loop.IsAsItShouldBe();
            loop.Deaths.Should().BeLessThanOrEqualTo(poisonous * 7);
        }
    }

    [Fact]
    public void A_saga_that_the_process_outlived_is_never_held_however_often_the_process_dies_later()
    {
        var loop = new CrashLoop(1, []);
        for (int life = 0; life < 10; life++)
        {
            loop.LiveAndDieOfSomethingElse();
        }

        loop.IsAsItShouldBe();
    }

    /// <summary>The record that the store keeps, by the rule of the statement <c>MarkSuspectsWhere</c>, and the lives that it outlasts.</summary>
    private sealed class CrashLoop
    {
        private static readonly CrashGuardPolicy Policy = CrashGuardPolicy.Default;

        private readonly HashSet<SagaId> _poisonous;
        private readonly Dictionary<SagaId, Suspect> _suspects = [];
        private readonly int _sagas;
        private ScriptedProcess _process = new();
        private HashSet<SagaId> _inFlight = [];

        public CrashLoop(int sagas, IEnumerable<SagaId> poisonous)
        {
            _sagas = sagas;
            _poisonous = [.. poisonous];
            for (int number = 1; number <= sagas; number++)
            {
                _process.Database.LeftBehind(Saga(number));
            }
        }

        public int Deaths { get; private set; }

        public void RunUntilNoProcessDies()
        {
            while (!Live())
            {
                Deaths++.Should().BeLessThan(200, "it ends");
            }
        }

        public void LiveAndDieOfSomethingElse()
        {
            Live().Should().BeTrue();
            _process.Wait(TimeSpan.FromHours(1));
        }

        public void IsAsItShouldBe()
        {
            _process.Held.Should().BeEquivalentTo(_poisonous, "no neighbour is held in their stead");
            _process.Executor.Running.Should().HaveCount(_sagas - _poisonous.Count);
        }

        /// <summary>One process: recovers until nothing waits, or dies of a saga in flight.</summary>
        private bool Live()
        {
            _process = _process.CrashAndRestart();
            MarkSuspects();
            _process.Held.UnionWith(Policy.ToHold(_suspects.Values).Select(suspect => suspect.SagaId));
            _process.Tracker.RecordPreviousProcess(new PreviousProcess(Crashed: true, _process.Now, _suspects.Count), [.. _suspects.Values]);
            do
            {
                int before = _process.Executor.Reassigned.Count;
                _process.Pass(PassReason.Probation);
                _inFlight.UnionWith(_process.Executor.Reassigned.Skip(before));
                if (_inFlight.Overlaps(_poisonous))
                {
                    return false;
                }

                _process.Wait(Policy.Probation);
                _inFlight.ToList().ForEach(sagaId => _suspects.Remove(sagaId));
                _inFlight = [];
            }
            while (_process.Tracker.NextTurn is not null);

            return true;
        }

        private void MarkSuspects()
        {
            foreach (SagaId sagaId in _inFlight)
            {
                int deathsAlone = _suspects.TryGetValue(sagaId, out Suspect earlier) ? earlier.DeathsAlone : 0;
                _suspects[sagaId] = new Suspect(sagaId, _inFlight.Count, deathsAlone + (_inFlight.Count == 1 ? 1 : 0));
            }

            _inFlight = [];
        }
    }
}
