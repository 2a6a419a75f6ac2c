using SagaRecovery.Status;

namespace SagaRecovery;

/// <summary>
/// How an action or an undo fails with a code that the caller can tell apart. Any other exception fails it just as well, with the name
/// of its type as the code.
/// </summary>
public sealed class SagaActionException : Exception
{
    /// <summary>Fails the node.</summary>
    /// <param name="code">A short, fixed code to decide by, such as <c>out-of-stock</c>.</param>
    /// <param name="message">What went wrong, for people.</param>
    public SagaActionException(string code, string message)
        : base(message) => Code = code;

    /// <summary>The code to decide by.</summary>
    public string Code { get; }
}

/// <summary>Why an action or an undo failed, as the log keeps it.</summary>
/// <param name="Code">The code of a <see cref="SagaActionException"/>, or the name of another exception's type.</param>
/// <param name="Message">What went wrong, for people.</param>
public sealed record SagaError(string Code, string Message)
{
    /// <summary><c>code: message</c>, in one line that is fit for a log.</summary>
    public override string ToString() => PlainText.OneLine($"{Code}: {Message}", longest: 2_000);
}
