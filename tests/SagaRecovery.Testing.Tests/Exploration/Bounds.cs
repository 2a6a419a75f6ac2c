namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>The bounds of an exploration: within them, it is exhaustive.</summary>
internal sealed record Bounds
{
    /// <summary>The name for people.</summary>
    public required string Name { get; init; }

    /// <summary>The starts, each by the number of the saga that it starts; two of one number are two starts of one id.</summary>
    public required int[] Starts { get; init; }

    /// <summary>Passes of each process.</summary>
    public required int Passes { get; init; }

    /// <summary>The number of times that one saga changes its owner.</summary>
    public int Reassignments { get; init; }

    /// <summary>The number of further processes under the same id, each after a crash of the previous one, or while that lives on as a zombie.</summary>
    public int Successors { get; init; }

    /// <summary>True if successors start sagas too.</summary>
    public bool SuccessorsStart { get; init; }

    /// <summary>True if inserts may lose their answer, land late, or both.</summary>
    public bool LostAnswers { get; init; }

    /// <summary>Steps of passes that fail: a database that is away, an executor that throws before or after it has begun.</summary>
    public int Faults { get; init; }

    /// <summary>Runs that the executor interrupts.</summary>
    public int Interruptions { get; init; }

    /// <summary>
    /// The number of times that the database loses its last commit, and runs anew. A process that crashes may have a successor then, but none that lives
    /// on: which of two processes joins again first is random, and the promises apply to the current one.
    /// </summary>
    public int Losses { get; init; }

    /// <summary>Transactions of callers that start a saga and commit at any time.</summary>
    public int Transactions { get; init; }

    /// <summary>Requests to cancel a saga, each for another one.</summary>
    public int Cancellations { get; init; }

    /// <summary>Activations of the trigger; a pass may also begin without.</summary>
    public int Triggers { get; init; }

    /// <summary>Sagas to a page of the listing.</summary>
    public int PageSize { get; init; } = 5;

    public int Sagas => Starts.Max() + 1;
}
