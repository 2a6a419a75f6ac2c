using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Core.Tests.Fixture;

/// <summary>
/// One random history: starts of few ids, inserts whose answer is lost or that land late, runs that finish or are interrupted, sagas that
/// are reassigned and come back, operators, crashes, and passes cut at every step. At intervals everything under way reaches its
/// end, and the bookkeeping is compared with the true database.
/// </summary>
internal sealed class RandomWalk
{
    private const int IdsInUse = 8;

    private static readonly List<PassReason> Reasons = [.. Enum.GetValues<PassReason>()];

    private static readonly List<DefinitionKey?> s_definitions = [null, new DefinitionKey("old"), new DefinitionKey("new")];

    private readonly Random _random;
    private readonly (int Weight, Func<bool> Step)[] _steps;
    private readonly List<ScriptedStart> _starts = [];
    private readonly List<SagaId> _landing = []; // inserts whose answer was lost, and that may land later
    private readonly int? _maxRunning;
    private int _newest;

    /// <param name="seed">The seed of the history.</param>
    /// <param name="maxRunning">The sagas that the executor runs at once; null: no limit.</param>
    public RandomWalk(int seed, int? maxRunning = null)
    {
        _random = new Random(seed);
        _maxRunning = maxRunning;
        Process = new ScriptedProcess { MaxRunning = maxRunning };
        _steps =
        [
            (4, Announce), (14, MoveAStart), (3, Land), (5, Finish), (2, Interrupt), (2, StopFencedRun),
            (3, Reassign), (1, FinishElsewhere), (1, Hold), (1, Release), (1, ToggleReadable), (1, Wait), (1, ChangeDefinitions),
            (10, OpenPass), (10, ListOrFail), (10, Plan), (20, Resume), (8, Complete), (8, BeginRefill), (8, CompleteRefill),
        ];
        Process.Executor.Answer = AnswerAtRandom;
    }

    public ScriptedProcess Process { get; private set; }

    /// <summary>The number of times that each step was really taken, for the check that no step is dead.</summary>
    public Dictionary<string, int> Taken { get; } = [];

    private bool Lucky => _random.Next(2) == 0;

    public void Take(int steps)
    {
        for (int step = 0; step < steps; step++)
        {
            TakeOne();
            if (_random.Next(100) == 0)
            {
                SettleAndCompare();
            }
            else if (_random.Next(400) == 0)
            {
                CrashAndRestart();
            }
        }

        SettleAndCompare();
    }

    private void TakeOne()
    {
        int roll = _random.Next(_steps.Sum(step => step.Weight));
        foreach ((int weight, Func<bool> step) in _steps)
        {
            if (roll < weight)
            {
                if (step())
                {
                    Taken[step.Method.Name] = Taken.GetValueOrDefault(step.Method.Name) + 1;
                }

                return;
            }

            roll -= weight;
        }
    }

    // ---- starts

    private bool Announce()
    {
        // half the starts are second ones: clients that retry, or that do not know of each other
        SagaId sagaId = ScriptedProcess.Saga(Lucky || _newest == 0 ? ++_newest : _random.Next(Math.Max(1, _newest - IdsInUse), _newest + 1));
        _starts.Add(Process.Announce(sagaId));
        return true;
    }

    private bool MoveAStart()
    {
        if (Pick(_starts) is not { } start)
        {
            return false;
        }

        switch (start.Stage)
        {
            case StartStage.Announced when Lucky:
                start.TryInsert();
                break;
            case StartStage.Announced:
                start.LoseInsert();
                _landing.Add(start.SagaId);
                break;
            case StartStage.Inserted:
                start.Run();
                break;
            case StartStage.Running:
                start.Confirm();
                break;
            case StartStage.Failed:
                start.Withdraw();
                break;
        }

        _starts.RemoveAll(ended => ended.Stage == StartStage.Ended);
        return true;
    }

    private bool Land()
    {
        SagaId sagaId = Pick(_landing);
        return _landing.Remove(sagaId) && Lucky && Process.Database.TryInsert(sagaId);
    }

    // ---- runs and rows

    private bool Finish() => WithRun(rightful: true, Process.Finish);

    private bool Interrupt() => WithRun(rightful: true, saga => Process.ReportInterrupted(saga));

    private bool StopFencedRun() => WithRun(rightful: false, sagaId => Process.Executor.End(sagaId));

    private bool WithRun(bool rightful, Action<SagaId> act)
    {
        SagaId sagaId = Pick([.. Process.Executor.Running
            .Where(run => Process.Database.IsOursAt(run.Key, run.Value) == rightful).Select(run => run.Key)]);
        if (sagaId == default)
        {
            return false;
        }

        act(sagaId);
        return true;
    }

    private bool Reassign() => WithRow(
        row => row.State == RowState.InProgress,
        sagaId => Process.Database.Reassign(sagaId, ours: !Process.Database.Find(sagaId)!.Ours));

    private bool FinishElsewhere() => WithRow(row => row is { State: RowState.InProgress, Ours: false }, Process.Database.Finish);

    private bool ToggleReadable() => WithRow(
        row => row.State == RowState.InProgress,
        sagaId => Process.Database.SetReadable(sagaId, !Process.Database.Find(sagaId)!.Readable));

    private bool Hold() => WithRow(row => row.State == RowState.InProgress, sagaId => Process.Held.Add(sagaId));

    private bool Release()
    {
        SagaId sagaId = Pick([.. Process.Held]);
        return Process.Held.Remove(sagaId);
    }

    private bool WithRow(Func<SagaRow, bool> which, Action<SagaId> act)
    {
        SagaId sagaId = Pick([.. Process.Database.Sagas.Where(id => which(Process.Database.Find(id)!))]);
        if (sagaId == default)
        {
            return false;
        }

        act(sagaId);
        return true;
    }

    private bool Wait()
    {
        Process.Wait(TimeSpan.FromSeconds(_random.Next(1, 100)));
        return true;
    }

    /// <summary>New sagas have another definition, or the executor reports other ones.</summary>
    private bool ChangeDefinitions()
    {
        Process.Database.DefinitionOfStarts = Pick(s_definitions);
        DefinitionKey? missing = Pick(s_definitions);
        Process.Support = definition => definition == missing ? DefinitionSupport.Missing : DefinitionSupport.NotReported;
        return true;
    }

    // ---- passes

    private bool OpenPass() => When(Process is { HasOpenPass: false, HasOpenRefill: false }, () => Process.OpenPass(Pick(Reasons)));

    private bool ListOrFail() => When(Process is { HasOpenPass: true, HasListing: false }, () =>
    {
        if (_random.Next(10) == 0)
        {
            Process.FailPass();
        }
        else
        {
            Process.List();
        }
    });

    private bool Plan() => When(Process is { HasListing: true, HasPlan: false }, () => Process.Plan());

    private bool Resume() => When(Process.HasResumesLeft, Process.ResumeNext);

    /// <summary>Sometimes too early: the pass is cut short.</summary>
    private bool Complete() => When(Process.HasPlan && (!Process.HasResumesLeft || _random.Next(4) == 0), () => Process.Complete());

    private bool BeginRefill() => When(Process is { HasOpenPass: false, HasOpenRefill: false }, () => Process.BeginRefill(most: _random.Next(1, 5)));

    /// <summary>Sometimes without a result for some of its sagas: it fails.</summary>
    private bool CompleteRefill() => When(Process.HasOpenRefill, () => Process.CompleteRefill(Lucky ? int.MaxValue : _random.Next(3)));

    private ResumeResult? AnswerAtRandom(Candidate candidate) => _random.Next(20) switch
    {
        0 or 1 => new ResumeResult.Failed("time-out"),
        2 => new ResumeResult.UnknownDefinition("definition provision v7"),
        3 => Process.Executor.BeginUnseen(candidate),
        4 when Lucky => new ResumeResult.Abandoned("corrupt"),
        _ => null,
    };

    private void CrashAndRestart()
    {
        Process = Process.CrashAndRestart();
        Process.Executor.Answer = AnswerAtRandom;
        _starts.Clear();
        _landing.Clear(); // the new incarnation fences them out
    }

    // ---- the truth

    private void SettleAndCompare()
    {
        EndEverythingUnderWay();
        Process.MaxRunning = null; // all of them get a slot
        for (int pass = 1; pass <= 3; pass++)
        {
            Process.Pass(PassReason.Explicit);
        }

        (SagaId, AdoptGeneration)[] ours = [.. Process.Database.Candidates.Select(row => (row.Key, row.Value.Generation))];
        Process.Executor.Running.Select(run => (run.Key, run.Value)).Should().Equal(ours, "what is in progress and ours runs here");
        Process.Tracker.Tracked.Should().Be(ours.Length, "the tracker holds what runs, and nothing else");
        Process.Tracker.Waiting.Should().BeEmpty();
        Process.Inbox.Unread.Should().Be(0);
        Process.Report.LastPass.Should().Match<PassReport>(pass => pass.Skipped == ours.Length && pass.Found == ours.Length && pass.Removed == 0);
        Process.Report.Totals.Should().Be(Process.Truth, "totals match what really happened");
        Process.Tracker.WaitingForSlot.Should().Be(0);
        Process.MaxRunning = _maxRunning;
        Process.Executor.Answer = AnswerAtRandom;
    }

    private void EndEverythingUnderWay()
    {
        if (Process.HasOpenRefill)
        {
            Process.CompleteRefill();
        }

        while (_starts.Count > 0)
        {
            MoveAStart();
        }

        while (_landing.Count > 0)
        {
            Land();
        }

        while (StopFencedRun() || Release())
        {
        }

        foreach (SagaId sagaId in Process.Database.Sagas.ToList())
        {
            Process.Database.SetReadable(sagaId, readable: true);
        }

        Process.Executor.Answer = _ => null;
        if (Process is { HasOpenPass: true, HasListing: false })
        {
            Process.List();
        }

        if (Process is { HasListing: true, HasPlan: false })
        {
            Process.Plan();
        }

        if (Process.HasPlan)
        {
            Process.Execute();
        }
    }

    private static bool When(bool possible, Action act)
    {
        if (possible)
        {
            act();
        }

        return possible;
    }

    private T? Pick<T>(List<T> items) => items.Count == 0 ? default : items[_random.Next(items.Count)];
}
