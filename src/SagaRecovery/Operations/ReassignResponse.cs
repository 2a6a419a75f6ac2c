using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>A reassignment as it is asked for over the wire. Who asks is known from elsewhere, unless nobody is signed in.</summary>
public sealed record ReassignRequest
{
    /// <summary>How long whoever asks may want to wait.</summary>
    public const double LongestWait = 600;

    /// <summary>Why.</summary>
    public required string Reason { get; init; }

    /// <summary>Who, where the caller is not signed in; otherwise ignored.</summary>
    public string? Actor { get; init; }

    /// <summary>Who is to get the sagas; null or empty: everybody who is active and answers.</summary>
    public IReadOnlyList<CoordinatorId>? To { get; init; }

    /// <summary>Reassign them although their owner answers.</summary>
    public bool EvenIfOwnerAnswers { get; init; }

    /// <summary>For how many seconds to wait until those that got sagas have recovered them; 0: not at all.</summary>
    public double Wait { get; init; }
}

/// <summary>What became of a reassignment, for whoever asked for it from afar.</summary>
/// <param name="Result">In a word.</param>
/// <param name="Message">In a sentence.</param>
public sealed record ReassignResponse(OperatorActionStatus Result, string Message)
{
    /// <summary>Who got sagas, and how many.</summary>
    public IReadOnlyList<Receipt> Receipts { get; init; } = [];

    /// <summary>How many nobody of those could run: they stay where they are.</summary>
    public long Left { get; init; }

    /// <summary>Who has recovered all that it was given; null: nobody waited for that, or not for long enough.</summary>
    public IReadOnlyList<CaughtUp>? CaughtUp { get; init; }

    /// <summary>The owner, where that answers.</summary>
    public CoordinatorDetails? Owner { get; init; }
}
