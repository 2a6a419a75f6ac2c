using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Explains why one saga is running or not.</summary>
internal static class ExplainCommand
{
    public static Command Create(CommonOptions common)
    {
        Argument<SagaId> id = Values.SagaIdArgument();
        var command = new ToolCommand(
            "explain",
            "Explains why a saga is or is not running in the service, and what to do; with --connection, from its row alone",
            "explain 0199c1d2-5a3b-7c4d-8e5f-60718293a4b5 --url http://127.0.0.1:5080")
        {
            id,
        };
        common.SetHandler(command, (call, cancellationToken) => RunAsync(call, call.Value(id), cancellationToken));
        return command;
    }

    private static async Task<ExitCode> RunAsync(Call call, SagaId id, CancellationToken cancellationToken)
    {
        ISagaAccess access = call.Open();
        await using (access.ConfigureAwait(false))
        {
            SagaExplanation explanation = await access.ExplainAsync(id, cancellationToken).ConfigureAwait(false);
            if (call.Json)
            {
                call.Screen.Json(explanation, RecoveryReportJson.Default.SagaExplanation);
            }
            else if (explanation.Verdict != SagaVerdict.Unknown)
            {
                Print(call, explanation, access is DatabaseAccess);
            }

            if (explanation.Verdict == SagaVerdict.Unknown)
            {
                call.Note($"There is no saga {id}. {explanation.Advice}");
                return ExitCode.NotFound;
            }

            return ExitCode.Done;
        }
    }

    private static void Print(Call call, SagaExplanation explanation, bool fromRow)
    {
        var facts = new List<(string Name, string Value)> { ("why", explanation.Reason) };
        if (explanation.Advice.Length > 0)
        {
            facts.Add(("to do", explanation.Advice));
        }

        if (explanation.Since is { } since)
        {
            facts.Add(("since", $"{PlainText.Time(since)} ({PlainText.Duration(call.Environment.Time.GetUtcNow() - since)} ago)"));
        }

        if (explanation.NextTry is { } next)
        {
            facts.Add(("next try", PlainText.Time(next)));
        }

        if (explanation.Saga is { } saga)
        {
            facts.Add(("saga", $"{saga.Name}, {SagaNames.Of(saga.State)}, generation {saga.Generation}, created {PlainText.Time(saga.TimeCreated)}"));
        }

        if (explanation.Owner is { } owner)
        {
            facts.Add(("owner", $"{owner.Id} ({Words.Process(owner)})"));
        }

        facts.Add(("last event", explanation.LastEvent ?? "none"));
        foreach (StepInProgress step in explanation.Run?.Steps ?? [])
        {
            facts.Add(("step", step.Describe(call.Environment.Time.GetUtcNow())));
        }

        // the tool has no process of its own to compare with
        string verdict = fromRow && explanation.Verdict == SagaVerdict.NotOwned ? "in progress" : Words.Of(explanation.Verdict);
        string slots = explanation.Slots is { } use ? $" ({use})" : "";
        call.Screen.Line($"saga {explanation.SagaId}: {verdict}{slots}{(fromRow ? " (from its row alone)" : "")}");
        Facts.Print(call.Screen, facts);
    }
}
