namespace SagaRecovery.Operations;

/// <summary>Decides which part of a payload operators see. Register an implementation as a singleton if payloads contain secrets.</summary>
/// <remarks>
/// <para>
/// The endpoints of <c>SagaRecovery.AspNetCore</c> call it for each payload that they show to a caller with the right to see payloads. A caller
/// without that right sees none, and the redactor is not called. The log and the command line with <c>--connection</c> do not call it.
/// </para>
/// <para>Implementations must be thread-safe and fast: one response may have thousands of payloads. If one throws, its payload is hidden.</para>
/// </remarks>
/// <example>
/// <code>
/// builder.Services.AddSingleton&lt;ISagaRedactor, CardNumbers&gt;();
///
/// public sealed partial class CardNumbers : ISagaRedactor
/// {
///     public string Redact(SagaPayload payload) => CardNumber().Replace(payload.Text, "****");
///
///     [GeneratedRegex(@"\b\d{16}\b")]
///     private static partial Regex CardNumber();
/// }
/// </code>
/// </example>
public interface ISagaRedactor
{
    /// <summary>Returns the text to show in place of a payload.</summary>
    /// <param name="payload">The payload.</param>
    string Redact(SagaPayload payload);
}

/// <summary>A text that contains what users gave to a saga, or what its steps returned or threw.</summary>
/// <param name="SagaName">The name of the definition of the saga; empty if it is not known.</param>
/// <param name="Node">The name of the node; null if the text belongs to the saga as a whole, or if the node is not known.</param>
/// <param name="Kind">The kind of the text.</param>
/// <param name="Text">The text: JSON, or the beginning of it, for parameters and outputs; JSON or a sentence for errors.</param>
public sealed record SagaPayload(string SagaName, string? Node, SagaPayloadKind Kind, string Text);

/// <summary>The kind of a payload.</summary>
public enum SagaPayloadKind
{
    /// <summary>The parameters of the saga.</summary>
    Parameters,

    /// <summary>The output of a node, or the note on an undo that was skipped.</summary>
    Output,

    /// <summary>An error: of an action or undo, of an attempt, or that for which recovery failed to resume or abandoned the saga.</summary>
    Error,
}
