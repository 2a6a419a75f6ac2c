namespace SagaRecovery.Bookkeeping;

/// <summary>How handing one saga to the executor ended, as the pass accounts for it.</summary>
public abstract record ResumeResult
{
    private ResumeResult()
    {
    }

    /// <summary>The executor runs it now.</summary>
    public sealed record Recovered : ResumeResult
    {
        /// <summary>The one instance.</summary>
        public static Recovered Instance { get; } = new();
    }

    /// <summary>The executor was running it already: no failure, and no second run.</summary>
    public sealed record AlreadyRunning : ResumeResult
    {
        /// <summary>The one instance.</summary>
        public static AlreadyRunning Instance { get; } = new();
    }

    /// <summary>Its state, owner or generation changed since the listing: nothing to do, and no failure.</summary>
    public sealed record Superseded : ResumeResult
    {
        /// <summary>The one instance.</summary>
        public static Superseded Instance { get; } = new();
    }

    /// <summary>This binary lacks the definition or its version. Never abandoned; tried again at the next pass.</summary>
    /// <param name="Missing">What is missing, for the operator.</param>
    public sealed record UnknownDefinition(string Missing) : ResumeResult;

    /// <summary>Anything that may pass: an exception, a time-out, a database error. Tried again after a delay.</summary>
    /// <param name="Error">What happened.</param>
    public sealed record Failed(string Error) : ResumeResult;

    /// <summary>Its log or definition is proven corrupt; it was set aside for good.</summary>
    /// <param name="Reason">What is wrong with it.</param>
    public sealed record Abandoned(string Reason) : ResumeResult;
}

/// <summary>What an executor answers when it is told that a saga is finished or no longer ours.</summary>
public enum RelinquishOutcome
{
    /// <summary>It was not running it, or its run had come to its end: the normal answer for a finished saga.</summary>
    NotRunning,

    /// <summary>It was still running it and has stopped: the saga had been taken away.</summary>
    Relinquished,
}
