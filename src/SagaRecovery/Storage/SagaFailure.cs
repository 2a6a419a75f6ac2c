using System.Text;

namespace SagaRecovery.Storage;

/// <summary>The cause for which a saga unwinds, or is stuck. It serves searches; the log has the error itself.</summary>
/// <param name="Node">The name of the node whose action failed, or whose undo failed if the saga is stuck; null if it was cancelled.</param>
/// <param name="ErrorCode">The code of its error, or <c>cancelled</c>.</param>
public sealed record SagaFailure(string? Node, string ErrorCode)
{
    /// <summary>The maximum length of the texts that a store keeps, in characters. A longer one is cut.</summary>
    public const int MaxLength = 200;

    /// <summary>
    /// Returns a text as a store keeps and finds it: cut at <see cref="MaxLength"/>, without what a database cannot store. An odd code must not keep
    /// its saga from unwinding.
    /// </summary>
    internal static string? Storable(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var kept = new StringBuilder();
        foreach (Rune rune in text.EnumerateRunes()) // half of a surrogate pair becomes U+FFFD
        {
            if (kept.Length + rune.Utf16SequenceLength > MaxLength)
            {
                break;
            }

            kept.Append(rune.Value == 0 ? Rune.ReplacementChar : rune);
        }

        return kept.ToString();
    }
}
