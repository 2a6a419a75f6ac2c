namespace SagaRecovery.Operations;

/// <summary>A drain of a process as it is asked for over the wire. Who asks is known from elsewhere, unless nobody is signed in.</summary>
public sealed record DrainRequest
{
    /// <summary>How long sagas may be let run on, in seconds: a day.</summary>
    public const double LongestLetRun = 86_400;

    /// <summary>Why.</summary>
    public required string Reason { get; init; }

    /// <summary>Who, where the caller is not signed in; otherwise ignored.</summary>
    public string? Actor { get; init; }

    /// <summary>For how many seconds sagas may run on before what is unfinished is given to others; 0: not at all.</summary>
    public double LetRun { get; init; }
}
