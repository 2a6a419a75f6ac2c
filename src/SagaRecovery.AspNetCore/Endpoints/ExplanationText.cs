using System.Text;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using static SagaRecovery.Status.PlainText;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>Renders the explanation of a saga for a terminal.</summary>
internal static class ExplanationText
{
    /// <summary>The longest text of a sentence. An error in it may be long, and the end of the sentence matters.</summary>
    private const int LongestSentence = 1_000;

    public static string Render(SagaExplanation explanation, DateTimeOffset now)
    {
        var text = new StringBuilder();
        string slots = explanation.Slots is { } use ? $" ({use})" : "";
        text.Append($"saga {explanation.SagaId}: {Words(explanation.Verdict)}{slots}\n");
        Append(text, "why", explanation.Reason);
        Append(text, "to do", explanation.Advice);
        Append(text, "since", explanation.Since is { } since ? Time(since) : null);
        Append(text, "next try", explanation.NextTry is { } next ? Time(next) : null);
        if (explanation.Saga is { } saga)
        {
            string held = saga.IsHeld ? ", held" : "";
            Append(
                text,
                "saga",
                $"{OneLine(saga.Name)}, {SagaNames.Of(saga.State)}, generation {saga.Generation}, created {Time(saga.TimeCreated)}{held}");
            Append(text, "owner", explanation.Owner is { } owner ? $"{owner.Id} ({OwnerProcess(owner)})" : saga.Owner is { } unknown ? $"{unknown} (never joined)" : "none");
        }

        Append(text, "last event", explanation.LastEvent);
        foreach (StepInProgress step in explanation.Run?.Steps ?? [])
        {
            Append(text, "step", step.Describe(now));
        }

        return text.ToString();
    }

    private static string OwnerProcess(CoordinatorDetails owner)
    {
        string state = owner.HasShutDown ? "shut down" : owner.Answers ? "answers" : "silent";
        return $"{OneLine(owner.Host)}, process {owner.ProcessId}, {state}, last seen {Duration(owner.Silence)} ago";
    }

    private static void Append(StringBuilder text, string label, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            text.Append($"  {label + ":",-11} {OneLine(value, LongestSentence)}\n");
        }
    }

    /// <summary>Returns the name of a verdict in words: <c>running here</c>.</summary>
    private static string Words(SagaVerdict verdict) =>
        string.Concat(verdict.ToString().Select((letter, index) =>
            $"{(index > 0 && char.IsUpper(letter) ? " " : "")}{char.ToLowerInvariant(letter)}"));
}
