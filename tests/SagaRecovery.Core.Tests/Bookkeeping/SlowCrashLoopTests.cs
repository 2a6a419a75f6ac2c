using SagaRecovery.Bookkeeping;
using SagaRecovery.Core.Tests.Fixture;
using SagaRecovery.Status;
using static SagaRecovery.Core.Tests.Fixture.ScriptedProcess;

namespace SagaRecovery.Core.Tests.Bookkeeping;

/// <summary>Successive processes that some saga, or something else, kills later than the probation. Seconds are steps of the simulation.</summary>
public sealed class SlowCrashLoopTests
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(5);

    [Theory]
    [InlineData(8, 3)]
    [InlineData(8, 40)]
    [InlineData(60, 3)]
    [InlineData(60, 40)]
    [InlineData(600, 3)]
    [InlineData(600, 40)]
    public void A_saga_that_kills_late_is_held_and_its_neighbours_finish(int killsAfter, int neighbours)
    {
        var loop = new Loop();
        loop.Killers[Saga(7)] = killsAfter;
        loop.Add(7, stepTime: 10_000);
        for (int number = 100; number < 100 + neighbours; number++)
        {
            loop.Add(number, stepTime: 60);
        }

        loop.RunUntilNothingIsLeft(mostDeaths: 12);

        loop.Held.Should().Equal(Saga(7));
        loop.Finished.Should().HaveCount(neighbours);
    }

    [Theory]
    [InlineData(20)]
    [InlineData(60)]
    [InlineData(400)]
    public void A_process_that_is_killed_from_outside_blames_no_saga_and_gets_its_work_done(int killedAfter)
    {
        var loop = new Loop { KilledAfter = killedAfter };
        for (int number = 1; number <= 30; number++)
        {
            loop.Add(number, stepTime: number % 3 == 0 ? 100_000 : killedAfter / 3, steps: 6); // the first never get done
        }

        for (int life = 0; life < 60; life++)
        {
            loop.Live();
        }

        loop.Held.Should().BeEmpty();
        loop.Finished.Should().HaveCount(20);
        loop.CrashLoop.Should().Match<CrashLoop>(known => known.Crashes == 59 && known.IsReported);
    }

    [Fact]
    public void Two_late_killers_are_both_held()
    {
        var loop = new Loop();
        (loop.Killers[Saga(3)], loop.Killers[Saga(9)]) = (8, 45);
        for (int number = 1; number <= 20; number++)
        {
            loop.Add(number, stepTime: number is 3 or 9 ? 10_000 : 70);
        }

        loop.RunUntilNothingIsLeft(mostDeaths: 24);

        loop.Held.Should().BeEquivalentTo([Saga(3), Saga(9)]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Any_number_of_late_killers_are_held_and_the_others_finish(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 25; round++)
        {
            var loop = new Loop();
            int sagas = random.Next(1, 60);
            int killers = random.Next(0, Math.Min(3, sagas) + 1);
            for (int number = 1; number <= sagas; number++)
            {
                loop.Add(number, stepTime: number <= killers ? 100_000 : random.Next(1, 200), steps: number <= killers ? 1 : random.Next(1, 4));
            }

            for (int number = 1; number <= killers; number++)
            {
                loop.Killers[Saga(number)] = random.Next(1, 700);
            }

            loop.RunUntilNothingIsLeft(mostDeaths: killers * 20);

            loop.Held.Should().BeEquivalentTo(loop.Killers.Keys);
            loop.Finished.Should().HaveCount(sagas - killers);
        }
    }

    /// <summary>Kills at irregular times may look like those of a saga. Each hold needs several controls that the process survived, so they do not.</summary>
    [Fact]
    public void A_process_that_is_killed_at_irregular_times_blames_no_saga()
    {
        for (int seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            var loop = new Loop();
            for (int number = 1; number <= 10; number++)
            {
                loop.Add(number, stepTime: 100_000);
            }

            for (int life = 0; life < 100; life++)
            {
                loop.KilledAfter = (int)(-60 * Math.Log(1 - random.NextDouble())); // a minute on average
                loop.Live();
            }

            loop.Held.Should().BeEmpty();
        }
    }

    [Fact]
    public void One_crash_changes_nothing_for_the_next_process()
    {
        var loop = new Loop { KilledAfter = 60 };
        loop.Add(1, stepTime: 10_000);
        loop.Live();
        loop.Live();

        loop.CrashLoop.Should().Be(new CrashLoop(1, WatchFrom: 2, Probation: null, FailedControls: 0, TimeSpan.FromSeconds(65)));
        loop.CrashLoop!.IsReported.Should().BeFalse();
    }

    [Theory]
    [InlineData(false, 60)] // it shut down
    [InlineData(true, 1_801)] // it lived for long
    public void A_crash_loop_ends_with_a_process_that_shuts_down_or_lives_for_long(bool crashed, int lived) =>
        CrashLoop.After(
            new CrashLoop(5, 2, TimeSpan.FromMinutes(2), 0, TimeSpan.FromMinutes(1)),
            new ProcessEnd(crashed, TimeSpan.FromSeconds(lived), LeftInFlight: false, HadDeferredSuspects: false),
            Heartbeat).Should().BeNull();

    [Fact]
    public void A_crash_loop_goes_on_while_suspects_wait_however_long_that_takes() =>
        CrashLoop.After(
            new CrashLoop(5, 2, TimeSpan.FromMinutes(20), 0, TimeSpan.FromMinutes(20)),
            new ProcessEnd(Crashed: true, TimeSpan.FromHours(3), LeftInFlight: false, HadDeferredSuspects: true),
            Heartbeat).Should().Match<CrashLoop>(loop => loop.Crashes == 6 && loop.Probation == CrashLoop.LongestShortLife);

    [Fact]
    public void A_process_of_an_older_package_whose_life_is_not_known_ends_it() =>
        CrashLoop.After(new CrashLoop(5, 2, null, 0, default), new ProcessEnd(Crashed: true, Lived: null, LeftInFlight: false, HadDeferredSuspects: false), Heartbeat)
            .Should().BeNull();

    /// <summary>Lives in simulated seconds, with the records that the store keeps: those of the statements of the controls, in memory.</summary>
    private sealed class Loop
    {
        private readonly Dictionary<SagaId, (int StepTime, int StepsLeft)> _sagas = [];
        private readonly Dictionary<SagaId, (Suspect Suspect, int Life)> _suspects = [];
        private readonly Dictionary<SagaId, int> _inFlight = []; // with the second of its resumption
        private ScriptedProcess _process = new();
        private ProcessEnd _end;
        private int _life;

        public Dictionary<SagaId, int> Killers { get; } = [];

        public int? KilledAfter { get; set; }

        public CrashLoop? CrashLoop { get; private set; }

        public HashSet<SagaId> Held => _process.Held;

        public HashSet<SagaId> Finished { get; } = [];

        public void Add(int number, int stepTime, int steps = 1)
        {
            _sagas[Saga(number)] = (stepTime, steps);
            _process.Database.LeftBehind(Saga(number));
        }

        public void RunUntilNothingIsLeft(int mostDeaths)
        {
            int deaths = 0;
            while (!Live())
            {
                (++deaths).Should().BeLessThanOrEqualTo(mostDeaths);
            }
        }

        /// <summary>One process. Returns true if it outlived all sagas that are not held.</summary>
        public bool Live()
        {
            TimeSpan probation = Join();
            var progress = new Dictionary<SagaId, int>();
            DateTimeOffset start = _process.Now;
            int nextLook = 0;
            for (int second = 0; ; second++)
            {
                bool isLook = second == nextLook;
                if (isLook)
                {
                    nextLook += 5;
                    Look(second, probation, progress);
                }

                if (isLook || _process.Tracker.NextTurn <= _process.Now)
                {
                    int before = _process.Executor.Reassigned.Count;
                    _process.Pass(PassReason.Probation);
                    foreach (SagaId sagaId in _process.Executor.Reassigned.Skip(before))
                    {
                        _inFlight[sagaId] = second;
                        progress[sagaId] = 0;
                    }
                }

                if (second == KilledAfter || _process.Executor.Running.Keys.Any(sagaId => Killers.TryGetValue(sagaId, out int kills) && progress[sagaId] == kills))
                {
                    _end = End(second);
                    return false;
                }

                if (_process.Executor.Running.Count == 0 && _process.Tracker.NextTurn is null)
                {
                    return true;
                }

                Work(progress);
                _process.Wait(TimeSpan.FromSeconds(1));
                (_process.Now - start).Should().BeLessThan(TimeSpan.FromDays(1));
            }
        }

        private TimeSpan Join()
        {
            _process = _process.CrashAndRestart();
            bool wasFirst = _life++ == 0;
            bool left = _inFlight.Count > 0;
            bool deferred = _suspects.Keys.Any(suspect => !_inFlight.ContainsKey(suspect));
            foreach (SagaId sagaId in _inFlight.Keys)
            {
                int alone = _suspects.TryGetValue(sagaId, out var earlier) ? earlier.Suspect.DeathsAlone : 0;
                _suspects[sagaId] = (new Suspect(sagaId, _inFlight.Count, alone + (_inFlight.Count == 1 ? 1 : 0)), _life);
            }

            _inFlight.Clear();
            CrashLoop = wasFirst ? null : CrashLoop.After(CrashLoop, _end with { LeftInFlight = left, HadDeferredSuspects = deferred }, Heartbeat);
            if (CrashLoop is { ClearsSuspects: true })
            {
                _suspects.Clear();
            }

            List<Suspect> suspects = [.. _suspects.Values.Select(suspect => suspect.Suspect)];
            _process.Held.UnionWith(CrashGuardPolicy.Default.ToHold(suspects).Select(suspect => suspect.SagaId));
            _process.Tracker.RecordPreviousProcess(new PreviousProcess(!wasFirst, _process.Now, suspects.Count) { Loop = CrashLoop }, suspects);
            return CrashLoop?.Probation ?? CrashGuardPolicy.Default.Probation;
        }

        private static ProcessEnd End(int second) =>
            new(Crashed: true, TimeSpan.FromSeconds(second - (second % Heartbeat.TotalSeconds)), LeftInFlight: false, HadDeferredSuspects: false);

        /// <summary>Clears what has passed its probation and, in a crash loop, what has completed a step.</summary>
        private void Look(int second, TimeSpan probation, Dictionary<SagaId, int> progress)
        {
            bool watches = probation > CrashGuardPolicy.Default.Probation;
            bool had = _inFlight.Count > 0;
            foreach ((SagaId sagaId, int since) in _inFlight.ToArray())
            {
                if (second - since >= probation.TotalSeconds || (watches && (Finished.Contains(sagaId) || progress[sagaId] < second - since)))
                {
                    _inFlight.Remove(sagaId);
                    _suspects.Remove(sagaId);
                }
            }

            if (watches && had && _inFlight.Count == 0)
            {
                _process.Tracker.EndProbation(_process.Now);
            }
        }

        /// <summary>Each running saga works for a second. A step that ends restarts the count of seconds in its step.</summary>
        private void Work(Dictionary<SagaId, int> progress)
        {
            foreach (SagaId sagaId in _process.Executor.Running.Keys.ToArray())
            {
                progress[sagaId]++;
                (int stepTime, int left) = _sagas[sagaId];
                if (progress[sagaId] == stepTime)
                {
                    progress[sagaId] = 0;
                    _sagas[sagaId] = (stepTime, left - 1);
                    if (left == 1)
                    {
                        _process.Finish(sagaId);
                        Finished.Add(sagaId);
                    }
                }
            }
        }
    }
}
