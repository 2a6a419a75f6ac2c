using System.Text.Json;
using System.Text.Json.Serialization;
using SagaRecovery.Status;

namespace SagaRecovery;

/// <summary>
/// The exception with which an action or an undo fails definitely, under a chosen error code: it has had no effect, and it is not retried.
/// </summary>
/// <remarks>Any other exception is retried as the <see cref="StepPolicy"/> of the node says, and then fails the node with its type name as the code.</remarks>
public sealed class SagaActionException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="code">A short, stable error code, such as <c>out-of-stock</c>.</param>
    /// <param name="message">The description of the failure.</param>
    /// <param name="detail">An object that callers read back with <see cref="SagaError.GetDetail"/>, stored as JSON. Null for none. One that JSON cannot hold is left out.</param>
    /// <param name="innerException">The cause. Null for none.</param>
    public SagaActionException(string code, string message, object? detail = null, Exception? innerException = null)
        : base(message, innerException)
    {
        Code = code;
        Detail = detail;
    }

    /// <summary>The error code.</summary>
    public string Code { get; }

    /// <summary>The object for callers; null for none.</summary>
    public object? Detail { get; }
}

/// <summary>The error of an action or an undo, as the log stores it.</summary>
/// <param name="Code">The code of a <see cref="SagaActionException"/>, or the type name of any other exception.</param>
/// <param name="Message">The description of the failure.</param>
public sealed record SagaError(string Code, string Message)
{
    /// <summary>The exception with its causes and stack traces, cut to 8,000 characters; null for an error that no exception caused.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Exception { get; init; }

    /// <summary>The number of attempts that the process made before the step counted as failed; 1 without retries.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Attempts { get; init; }

    /// <summary>The detail of a <see cref="SagaActionException"/>, as JSON; null for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public JsonElement? Detail { get; init; }

    /// <summary>A value indicating whether the undo of the node runs although its action failed; see <see cref="NodePolicy.UndoAfterFailure"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsUncertain { get; init; }

    /// <summary>A value indicating whether an operator injected the error: the effect of the action is unknown.</summary>
    [JsonInclude]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    internal bool ByOperator { get; init; }

    /// <summary>Reads the detail back.</summary>
    /// <typeparam name="TDetail">The type that the action passed, or one with the same JSON.</typeparam>
    /// <param name="json">The options of the JSON. Null for <see cref="JsonSerializerOptions.Web"/>, the default of the executor.</param>
    /// <returns>The detail; <see langword="default"/> if there is none.</returns>
    /// <exception cref="JsonException">The detail cannot be deserialized to <typeparamref name="TDetail"/>.</exception>
    public TDetail? GetDetail<TDetail>(JsonSerializerOptions? json = null) =>
        Detail is { } detail ? detail.Deserialize((json ?? JsonContracts.Web).TypeInfo<TDetail>()) : default;

    /// <summary>Returns <c>code: message</c> on a single line.</summary>
    public override string ToString() => PlainText.OneLine($"{Code}: {Message}", longest: 2_000);

    /// <summary>Compares code and message.</summary>
    public bool Equals(SagaError? other) => other is not null && Code == other.Code && Message == other.Message;

    /// <inheritdoc />
    public override int GetHashCode() => HashCode.Combine(Code, Message);
}
