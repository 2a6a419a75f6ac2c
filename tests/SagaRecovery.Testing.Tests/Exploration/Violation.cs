namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>The promises, which are checked after each move.</summary>
internal enum Promise
{
    /// <summary>No saga is run by two owners whose writes both take effect.</summary>
    OneOwner,

    /// <summary>No saga is resumed while it runs in this process.</summary>
    NeverTwice,

    /// <summary>No run of a saga that is ours is relinquished as if it were finished.</summary>
    NeverForgotten,

    /// <summary>Every saga in progress that no process runs is resumed by the next complete pass, unless it failed and is not due.</summary>
    NeverLost,

    /// <summary>A complete pass forgets every saga that had ended, or was not ours, when it began.</summary>
    NoLeak,

    /// <summary>A saga whose cancellation was stored does not succeed, and whatever process runs it hears of the request.</summary>
    CancellationIsObeyed,

    /// <summary>The report matches what really happened.</summary>
    TrueReport,

    /// <summary>An activation is answered by a pass that began after it, and by the first such.</summary>
    AnsweredTrigger,
}

/// <summary>A promise is broken.</summary>
internal sealed class Violation(Promise promise, string message) : Exception(message)
{
    public Promise Promise { get; } = promise;
}
