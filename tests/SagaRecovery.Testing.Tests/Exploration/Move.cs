namespace SagaRecovery.Testing.Tests.Exploration;

internal enum MoveKind : byte
{
    Announce,
    Insert,
    InsertNeverSent,
    InsertLandsUnanswered,
    InsertIsOnItsWay,
    Run,
    Created,
    Withdraw,
    LateInsertLands,
    LateInsertIsLost, // the last of the moves of a start
    Reassign,
    FinishElsewhere,
    Cancel,
    CallerCommits,
    SuccessorJoins,
    CrashAndRestart,
    Finish,
    Interrupt,
    LoseLastCommit,
    Trigger,
    BeginPass,
    StepPass,
    FailPassStep,
}

/// <summary>One atomic step of the world.</summary>
/// <param name="Kind">The event.</param>
/// <param name="Subject">The start or saga.</param>
/// <param name="Process">The process.</param>
internal readonly record struct Move(MoveKind Kind, byte Subject = 0, byte Process = 0);
