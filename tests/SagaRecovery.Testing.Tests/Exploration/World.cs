using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>
/// One database, a process, perhaps its successor, another coordinator to which sagas are reassigned, and clients that start sagas. Each
/// <see cref="Move"/> is one atomic step of one of them; after each, the promises are checked.
/// </summary>
internal sealed partial class World
{
    private static readonly SagaCancellation Request = new(DateTimeOffset.UnixEpoch, new OperatorNote("ann", "enough"));
    private static readonly SavedDefinition s_definition = new(DefinitionHash.Of("{}"u8), "any", 1, "{}"u8.ToArray());
    private static readonly CoordinatorId Another = new(Guid.Parse("c0000000-0000-4000-8000-000000000002"));

    private readonly Bounds _bounds;
    private readonly InMemorySagaStore _database;
    private Membership _anotherMember;
    private readonly ExploredStart[] _starts;
    private readonly List<ExploredProcess?> _processes = []; // by incarnation; null: dead
    private readonly HashSet<(int Process, int Saga)> _begunUnseen = []; // runs that the executor could not report
    private int _faults;
    private int _interruptions;
    private int _triggers;
    private int _losses;
    private int _cancellations;
    private int _transactions;

    public World(Bounds bounds)
    {
        _bounds = bounds;
        _database = new InMemorySagaStore { LosableCommits = bounds.Losses > 0 ? 1 : 0 };
        _starts = [.. bounds.Starts.Select(saga => new ExploredStart(saga))];
        _anotherMember = _database.JoinAsync(Another, CancellationToken.None).Outcome();
        _processes.Add(new ExploredProcess(_database, bounds.PageSize));
    }

    public static SagaId IdOf(int saga) => RecoverySimulation.Saga(saga + 1);

    /// <summary>The possible next moves.</summary>
    public List<Move> Moves()
    {
        List<Move> moves = [];
        for (byte start = 0; start < _starts.Length; start++)
        {
            AddMovesOf(start, moves);
        }

        for (byte saga = 0; saga < _bounds.Sagas; saga++)
        {
            AddMovesOfRow(saga, moves);
        }

        if (_processes.Count <= _bounds.Successors)
        {
            moves.Add(new Move(MoveKind.CrashAndRestart));
            if (_bounds.Losses == 0)
            {
                moves.Add(new Move(MoveKind.SuccessorJoins));
            }
        }

        if (_losses < _bounds.Losses)
        {
            moves.Add(new Move(MoveKind.LoseLastCommit));
        }

        for (byte process = 0; process < _processes.Count; process++)
        {
            AddMovesOf(process, _processes[process], moves);
        }

        return moves;
    }

    /// <summary>Takes one step.</summary>
    /// <param name="move">The move.</param>
    /// <param name="wasChecked">True if it has been taken from here before without a violation.</param>
    /// <exception cref="Violation">A promise does not hold.</exception>
    public void Make(Move move, bool wasChecked = false)
    {
        Act(move);
        StopRunsOfTheFenced();
        if (!wasChecked)
        {
            AtMostOneOwnerCanWrite();
            NoCancelledSagaHasSucceeded();
        }
    }

    private void AddMovesOf(byte index, List<Move> moves)
    {
        ExploredStart start = _starts[index];
        switch (start.Stage)
        {
            // equal starts begin in their order: which of two is called the first makes no difference
            case StartStage.New when index == 0 || _starts[index - 1].Saga != start.Saga || _starts[index - 1].Stage != StartStage.New:
                for (byte process = 0; process < (_bounds.SuccessorsStart ? _processes.Count : 1); process++)
                {
                    if (_processes[process] is { IsFenced: false })
                    {
                        moves.Add(new Move(MoveKind.Announce, index, process));
                    }
                }

                break;
            case StartStage.Announced:
                moves.Add(new Move(MoveKind.Insert, index));
                moves.Add(new Move(MoveKind.InsertNeverSent, index));
                if (_bounds.LostAnswers && Row(start.Saga) is null)
                {
                    moves.Add(new Move(MoveKind.InsertLandsUnanswered, index));
                    moves.Add(new Move(MoveKind.InsertIsOnItsWay, index));
                }

                break;
            case StartStage.Inserted:
                moves.Add(new Move(MoveKind.Run, index));
                break;
            case StartStage.Running:
                moves.Add(new Move(MoveKind.Created, index));
                break;
            case StartStage.Failed:
                moves.Add(new Move(MoveKind.Withdraw, index));
                break;
        }

        if (start.IsOnItsWay)
        {
            moves.Add(new Move(MoveKind.LateInsertLands, index));
            moves.Add(new Move(MoveKind.LateInsertIsLost, index));
        }
    }

    private void AddMovesOfRow(byte saga, List<Move> moves)
    {
        if (_transactions < _bounds.Transactions && Row(saga) is null)
        {
            moves.Add(new Move(MoveKind.CallerCommits, saga));
        }

        if (Row(saga) is not { State: SagaState.Running } row)
        {
            return;
        }

        if (row.Generation.Value <= _bounds.Reassignments)
        {
            moves.Add(new Move(MoveKind.Reassign, saga));
        }

        if (_cancellations < _bounds.Cancellations && row.Cancellation is null)
        {
            moves.Add(new Move(MoveKind.Cancel, saga));
        }

        if (row.Owner == Another)
        {
            moves.Add(new Move(MoveKind.FinishElsewhere, saga));
        }
    }

    private void AddMovesOf(byte index, ExploredProcess? process, List<Move> moves)
    {
        if (process is null)
        {
            return;
        }

        for (byte saga = 0; saga < _bounds.Sagas; saga++)
        {
            if (process.Executor.RunsAt(IdOf(saga)) is { } generation)
            {
                moves.Add(new Move(MoveKind.Finish, saga, index));
                if (_interruptions < _bounds.Interruptions && CanWrite(process, saga, generation))
                {
                    moves.Add(new Move(MoveKind.Interrupt, saga, index));
                }
            }
        }

        if (process.HasPass)
        {
            moves.Add(new Move(MoveKind.StepPass, Process: index));
            if (_faults < _bounds.Faults)
            {
                moves.Add(new Move(MoveKind.FailPassStep, Process: index));
            }
        }
        else if (process.PassesBegun < _bounds.Passes && !process.IsFenced)
        {
            moves.Add(new Move(MoveKind.BeginPass, Process: index));
        }

        if (_triggers < _bounds.Triggers && !process.IsFenced)
        {
            moves.Add(new Move(MoveKind.Trigger, Process: index));
        }
    }

    private StoredSaga? Row(int saga) => _database.Find(IdOf(saga));
}
