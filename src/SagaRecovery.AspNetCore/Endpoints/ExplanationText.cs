using System.Text;
using SagaRecovery.Operations;
using SagaRecovery.Storage;
using static SagaRecovery.Status.PlainText;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>Where one saga stands, as an operator reads it in a terminal.</summary>
internal static class ExplanationText
{
    /// <summary>How much of a sentence is shown: an error in it may be long, and the end of the sentence matters.</summary>
    private const int LongestSentence = 1_000;

    public static string Render(SagaExplanation explanation)
    {
        var text = new StringBuilder();
        text.Append($"saga {explanation.SagaId}: {Words(explanation.Verdict)}\n");
        Append(text, "why", explanation.Because);
        Append(text, "to do", explanation.ToDo);
        Append(text, "since", explanation.Since is { } since ? Time(since) : null);
        Append(text, "next try", explanation.NextTry is { } next ? Time(next) : null);
        if (explanation.Saga is { } saga)
        {
            Append(text, "saga", $"{OneLine(saga.Name)}, {SagaNames.Of(saga.State)}, generation {saga.Generation}, created {Time(saga.TimeCreated)}{(saga.IsHeld ? ", held" : "")}");
            Append(text, "owner", saga.Owner?.ToString() ?? "nobody");
        }

        Append(text, "last event", explanation.LastEvent);
        return text.ToString();
    }

    private static void Append(StringBuilder text, string label, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            text.Append($"  {label + ":",-11} {OneLine(value, LongestSentence)}\n");
        }
    }

    /// <summary>The verdict's name in words: <c>running here</c>.</summary>
    private static string Words(SagaVerdict verdict) =>
        string.Concat(verdict.ToString().Select((letter, at) => at > 0 && char.IsUpper(letter) ? $" {char.ToLowerInvariant(letter)}" : char.ToLowerInvariant(letter).ToString()));
}
