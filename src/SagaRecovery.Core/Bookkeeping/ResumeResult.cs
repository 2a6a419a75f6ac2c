namespace SagaRecovery.Bookkeeping;

/// <summary>The result of an attempt to resume one saga. The nested types are its only cases. Immutable.</summary>
public abstract record ResumeResult
{
    private ResumeResult()
    {
    }

    /// <summary>The executor has resumed the saga.</summary>
    public sealed record Recovered : ResumeResult
    {
        /// <summary>The only instance.</summary>
        public static Recovered Instance { get; } = new();
    }

    /// <summary>The executor was already running the saga. It must not start a second run. This is not a failure.</summary>
    public sealed record AlreadyRunning : ResumeResult
    {
        /// <summary>The only instance.</summary>
        public static AlreadyRunning Instance { get; } = new();
    }

    /// <summary>The saga's state, owner or generation changed after the listing. No action is needed. This is not a failure.</summary>
    public sealed record Superseded : ResumeResult
    {
        /// <summary>The only instance.</summary>
        public static Superseded Instance { get; } = new();
    }

    /// <summary>This binary lacks the definition or its version. The saga is never abandoned. It is retried after a delay.</summary>
    /// <param name="Missing">The missing definition or version, for display.</param>
    public sealed record UnknownDefinition(string Missing) : ResumeResult;

    /// <summary>The attempt failed with a possibly transient error: an exception, a timeout or a database error. It is retried after a delay.</summary>
    /// <param name="Error">The error message.</param>
    public sealed record Failed(string Error) : ResumeResult;

    /// <summary>The saga's log or definition is proven corrupt. The saga was removed from recovery permanently.</summary>
    /// <param name="Reason">The defect.</param>
    public sealed record Abandoned(string Reason) : ResumeResult;
}

/// <summary>The result of asking the executor to relinquish a saga that is finished or no longer owned by this coordinator.</summary>
public enum RelinquishOutcome
{
    /// <summary>The executor was not running the saga, or its run had ended. This is the normal result for a finished saga.</summary>
    NotRunning,

    /// <summary>The executor was running the saga and has stopped it. The saga had been reassigned.</summary>
    Relinquished,
}
