using System.Text;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Output;

/// <summary>Coordinators, owners and verdicts in words.</summary>
internal static class Words
{
    /// <summary>Whether a coordinator's process lives.</summary>
    public static string Life(CoordinatorDetails coordinator) => coordinator switch
    {
        { HasLeft: true } => "shut down",
        { Answers: true } => "answers",
        _ => "silent",
    };

    /// <summary>The version of a coordinator's program, of a commit's hash in it the beginning.</summary>
    public static string Version(CoordinatorDetails coordinator)
    {
        const int LongestHash = 8;
        string[] parts = (coordinator.Version ?? "-").Split('+', 2);
        return parts is [var version, { Length: > LongestHash } hash] ? $"{version}+{hash[..LongestHash]}" : string.Join('+', parts);
    }

    public static string Owner(SagaDetails saga) => saga switch
    {
        { Summary.Owner: null } => "nobody",
        { Owner: null } => $"{saga.Summary.Owner} (has never joined)",
        { Owner: { } owner } => $"{owner.Id} ({Process(owner)})",
    };

    public static string Process(CoordinatorDetails coordinator) =>
        $"{PlainText.OneLine(coordinator.Host)}, process {coordinator.ProcessId}, {Life(coordinator)}, last seen {PlainText.Duration(coordinator.Silence)} ago";

    public static string By(OperatorNote note) => $"{PlainText.OneLine(note.Actor)}: {PlainText.OneLine(note.Reason)}";

    /// <summary><c>running here</c>, for <see cref="SagaVerdict.RunningHere"/>.</summary>
    public static string Of(SagaVerdict verdict)
    {
        var words = new StringBuilder();
        foreach (char letter in verdict.ToString())
        {
            words.Append(char.IsUpper(letter) && words.Length > 0 ? " " : "").Append(char.ToLowerInvariant(letter));
        }

        return words.ToString();
    }
}
