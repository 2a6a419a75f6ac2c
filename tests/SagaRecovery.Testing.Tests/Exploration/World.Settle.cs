using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <content>The end of a history: everything under way ends, and the tracker is compared with the database.</content>
internal sealed partial class World
{
    private int Present => _processes.Count - 1;

    /// <summary>Ends everything under way, runs two more passes, and compares.</summary>
    /// <exception cref="Violation">The sagas that are ours and in progress are not those that run here.</exception>
    public void Settle()
    {
        while (EndOfAStart() is { } move)
        {
            Make(move);
        }

        for (byte process = 0; process < _processes.Count; process++)
        {
            EndPassOf(process);
        }

        for (int pass = 0; pass < 2; pass++)
        {
            Make(new Move(MoveKind.Trigger, Process: (byte)Present)); // an explicit pass tries what is backing off
            Make(new Move(MoveKind.BeginPass, Process: (byte)Present));
            EndPassOf(Present);
        }

        OurSagasRunHere(_processes[Present]!);
    }

    private Move? EndOfAStart()
    {
        List<Move> moves = [];
        for (byte start = 0; start < _starts.Length; start++)
        {
            if (_starts[start].IsUnderWay || _starts[start].IsOnItsWay)
            {
                AddMovesOf(start, moves);
            }
        }

        return moves.Count == 0 ? null : moves[^1];
    }

    private void EndPassOf(int index)
    {
        while (_processes[index] is { HasPass: true })
        {
            Make(new Move(MoveKind.StepPass, Process: (byte)index));
        }
    }

    private void OurSagasRunHere(ExploredProcess process)
    {
        int ours = 0;
        for (int saga = 0; saga < _bounds.Sagas; saga++)
        {
            AdoptGeneration? owed = Row(saga) is { State: SagaState.Running } row && row.Owner == ExploredProcess.Us ? row.Generation : null;
            ours += owed is null ? 0 : 1;
            AdoptGeneration? runs = process.Executor.RunsAt(IdOf(saga));
            if (owed is not null && Row(saga)!.Cancellation is not null && process.Executor.CancellationOf(IdOf(saga)) is null)
            {
                throw new Violation(Promise.CancellationIsObeyed, $"saga {NameOf(saga)} runs here, is cancelled, and does not hear of it");
            }

            if (owed is not null && runs != owed)
            {
                throw new Violation(Promise.NeverLost, $"saga {NameOf(saga)} is ours at generation {owed}, and runs at {runs?.ToString() ?? "none"}");
            }
        }

        RecoveryReport report = process.Status.Current;
        if (process.Tracker.Tracked != ours || report.WaitingCount != 0 || process.Inbox.Unread != 0)
        {
            throw new Violation(Promise.NoLeak, $"{ours} sagas are ours, {process.Tracker.Tracked} are tracked, {report.WaitingCount} wait, {process.Inbox.Unread} words are unread");
        }
    }
}
