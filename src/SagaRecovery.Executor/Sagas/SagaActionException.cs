using SagaRecovery.Status;

namespace SagaRecovery;

/// <summary>
/// The exception with which an action or an undo fails under a chosen error code. Any other exception fails the node as well, with the name
/// of its type as the code.
/// </summary>
public sealed class SagaActionException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="code">A short, stable error code, such as <c>out-of-stock</c>.</param>
    /// <param name="message">The description of the failure.</param>
    public SagaActionException(string code, string message)
        : base(message) => Code = code;

    /// <summary>The error code.</summary>
    public string Code { get; }
}

/// <summary>The error of an action or an undo, as the log stores it.</summary>
/// <param name="Code">The code of a <see cref="SagaActionException"/>, or the type name of any other exception.</param>
/// <param name="Message">The description of the failure.</param>
public sealed record SagaError(string Code, string Message)
{
    /// <summary>Returns <c>code: message</c> on a single line.</summary>
    public override string ToString() => PlainText.OneLine($"{Code}: {Message}", longest: 2_000);
}
