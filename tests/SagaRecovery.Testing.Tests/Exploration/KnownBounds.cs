using System.Reflection;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>The bounds of the explorations.</summary>
internal static class KnownBounds
{
    /// <summary>
    /// Everything in the model of the design, as often as there: one id, two starts of it, an owner that changes twice, a successor with a zombie or
    /// a crash before it, three passes of each process. Takes minutes; most of the everyday explorations are parts of it.
    /// </summary>
    public static Bounds Model { get; } = new()
    {
        Name = "one saga, two starts, successor, three passes",
        Starts = [0, 0],
        Passes = 3,
        LostAnswers = true,
        Reassignments = 2,
        Successors = 1,
    };

    /// <summary>The same without a successor, and with two passes.</summary>
    public static Bounds OneProcess { get; } = Model with { Name = "one saga, two starts, one process", Passes = 2, Successors = 0 };

    /// <summary>The same with one start, which the successor may make, and two passes.</summary>
    public static Bounds Takeover { get; } = Model with { Name = "one saga, one start, successor", Starts = [0], Passes = 2, SuccessorsStart = true };

    /// <summary>Two ids, listed a page each.</summary>
    public static Bounds TwoSagas { get; } = new() { Name = "two sagas in two pages", Starts = [0, 1], Passes = 1, Reassignments = 1, PageSize = 1 };

    /// <summary>The same with two passes, and with inserts that lose their answer.</summary>
    public static Bounds TwoSagasAndLostAnswers { get; } = TwoSagas with { Name = "two sagas in two pages, lost answers", Passes = 2, LostAnswers = true };

    /// <summary>Two ids, and a successor.</summary>
    public static Bounds TwoSagasAndSuccessor { get; } = new()
    {
        Name = "two sagas and a successor", Starts = [0, 1], Passes = 1, Successors = 1,
    };

    /// <summary>Passes that fail at any step, interrupted runs, and the trigger.</summary>
    public static Bounds Faults { get; } = new()
    {
        Name = "faults, interruptions, triggers", Starts = [0], Passes = 3, LostAnswers = true, Reassignments = 1, Faults = 2, Interruptions = 1, Triggers = 1,
    };

    /// <summary>A database that loses its last commit, twice, of any kind: an insert, an end, a join, a change of owner.</summary>
    public static Bounds Losses { get; } = new()
    {
        Name = "lost commits", Starts = [0], Passes = 4, Losses = 2, Reassignments = 1, Faults = 1, Interruptions = 1,
    };

    /// <summary>The same once, with inserts that land late and a process that crashes.</summary>
    public static Bounds LossesAndCrash { get; } = new()
    {
        Name = "lost commits and a crash", Starts = [0], Passes = 3, Losses = 1, Successors = 1, SuccessorsStart = true, LostAnswers = true, Reassignments = 1,
    };

    /// <summary>A saga that is cancelled at any moment, while its owner changes, crashes, or fails at any step of a pass.</summary>
    public static Bounds Cancellations { get; } = new()
    {
        Name = "cancelled, successor", Starts = [0], Passes = 1, Cancellations = 1, Reassignments = 1, Successors = 1, Faults = 1,
    };

    /// <summary>The same with two passes of each process.</summary>
    public static Bounds CancellationsInTwoPasses { get; } = Cancellations with { Name = "cancelled, successor, two passes", Passes = 2 };

    /// <summary>The same on a database that loses its last commit: the request, the success, or what is written after it.</summary>
    public static Bounds CancellationsAndLosses { get; } = new()
    {
        Name = "cancelled, lost commits", Starts = [0], Passes = 3, Cancellations = 1, Reassignments = 1, Losses = 1, Interruptions = 1,
    };

    /// <summary>A saga that starts in a transaction of its caller, which may commit at any time, beside a start of the same id.</summary>
    public static Bounds Transactions { get; } = new()
    {
        Name = "started in a transaction", Starts = [0], Passes = 2, Transactions = 1, Reassignments = 1, Successors = 1, LostAnswers = true, Interruptions = 1,
    };

    /// <summary>Enough to break most rules.</summary>
    public static Bounds OneStart { get; } = Model with { Name = "one start", Starts = [0], Passes = 2, LostAnswers = false };

    /// <summary>One id started twice, in one process.</summary>
    public static Bounds TwoStarts { get; } = Model with { Name = "two starts", Passes = 1, Reassignments = 0, Successors = 0 };

    /// <summary>Enough passes inside one slow insert to break the two-miss rule.</summary>
    public static Bounds ManyPasses { get; } = new() { Name = "one saga, many passes", Starts = [0], Passes = 4, LostAnswers = true };

    public static Bounds Get(string name) => (Bounds)typeof(KnownBounds).GetProperty(name, BindingFlags.Public | BindingFlags.Static)!.GetValue(obj: null)!;
}
