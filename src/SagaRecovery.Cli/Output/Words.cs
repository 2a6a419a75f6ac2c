using System.Text;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Output;

/// <summary>Formats coordinators, owners, verdicts and the need for definitions as text.</summary>
internal static class Words
{
    /// <summary>Formats the state of a coordinator's process.</summary>
    public static string ProcessState(CoordinatorDetails coordinator) => coordinator switch
    {
        { HasShutDown: true } => "shut down",
        { Answers: true } => "answers",
        _ => "silent",
    };

    /// <summary>Formats the version of a coordinator's program, with a commit hash shortened.</summary>
    public static string Version(CoordinatorDetails coordinator)
    {
        const int LongestHash = 8;
        string[] parts = (coordinator.Version ?? "-").Split('+', 2);
        return parts is [var version, { Length: > LongestHash } hash] ? $"{version}+{hash[..LongestHash]}" : string.Join('+', parts);
    }

    public static string Owner(SagaDetails saga) => saga switch
    {
        { Summary.Owner: null } => "none",
        { Owner: null } => $"{saga.Summary.Owner} (never joined)",
        { Owner: { } owner } => $"{owner.Id} ({Process(owner)})",
    };

    public static string Process(CoordinatorDetails coordinator) =>
        $"{PlainText.OneLine(coordinator.Host)}, process {coordinator.ProcessId}, {ProcessState(coordinator)}, last seen {PlainText.Duration(coordinator.Silence)} ago";

    /// <summary>Returns the host of each coordinator, as the name by which operators know it, unless it is not the only one of its host.</summary>
    public static IReadOnlyDictionary<CoordinatorId, string> NamesOf(IReadOnlyList<CoordinatorDetails> coordinators) => coordinators
        .Where(one => one.Answers)
        .GroupBy(one => one.Host, StringComparer.OrdinalIgnoreCase)
        .Where(host => host.Key.Length > 0 && host.Count() == 1)
        .ToDictionary(host => host.Single().Id, host => PlainText.OneLine(host.Key, longest: 60));

    public static string By(OperatorNote note) => $"{PlainText.OneLine(note.Actor)}: {PlainText.OneLine(note.Reason)}";

    /// <summary>Formats the need for a definition, as the answer to the question if its class may be deleted.</summary>
    public static string NeedFor(DefinitionDetails definition) => definition switch
    {
        { Need: DefinitionNeed.NotRunnable } => "UNFINISHED, AND NO PROCESS CAN RUN IT",
        { Need: DefinitionNeed.UnfinishedSagas } => "needed",
        { Need: DefinitionNeed.StuckSagas } => "needed if an undo is to be retried",
        { Ended: 0, RunBy.Count: > 0 } => "registered, has no sagas",
        _ => "may be deleted",
    };

    /// <summary>Formats a verdict as words: <see cref="SagaVerdict.RunningHere"/> becomes <c>running here</c>.</summary>
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
