using System.Text;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using static SagaRecovery.Status.PlainText;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>Renders everything on one saga as text, to attach to a ticket: the explanation, the details, the nodes, the log and the operator actions.</summary>
internal static class IncidentText
{
    /// <param name="saga">The saga, with its payloads as the caller may see them.</param>
    /// <param name="explanation">The explanation of the saga, with its errors as the caller may see them.</param>
    /// <param name="actions">The known operator actions on the saga, with their errors as the caller may see them, oldest first.</param>
    /// <param name="now">The time of the text.</param>
    public static string Render(SagaDetails saga, SagaExplanation explanation, IEnumerable<OperatorAction> actions, DateTimeOffset now)
    {
        var text = new StringBuilder();
        text.Append($"As of {Time(now)}\n\n");
        text.Append(ExplanationText.Render(explanation, now));
        AppendDetails(text, saga);
        AppendNodes(text, saga);
        AppendSection(text, $"events, oldest first ({saga.Events.Count})", saga.Events.SelectMany(LinesOf));
        AppendSection(text, "operator actions", actions.Select(action =>
            $"{Time(action.Time)}  {SagaNames.Of(action.Kind)}  {By(action.Note)}"));
        return text.ToString();
    }

    /// <summary>Returns the line of an event, and those of its error below it.</summary>
    private static IEnumerable<string> LinesOf(LoggedEvent one)
    {
        bool isError = one.Type is NodeEventType.Failed or NodeEventType.UndoFailed;
        IReadOnlyList<string> data = one.Data is null ? [] : isError ? ErrorLines.Of(one.Data) : [Payload(one.Data)];
        string first = $"{PreciseTime(one.Time)}  {SagaNames.Of(one.Type),-13}  {OneLine(one.Node)}{(data.Count > 0 ? $"  {data[0]}" : "")}";
        return [first, .. data.Skip(1).Select(line => $"    {line}")];
    }

    private static void AppendDetails(StringBuilder text, SagaDetails saga) => AppendSection(text, "details", new (string Label, string? Value)[]
    {
        ("definition", $"{OneLine(saga.Summary.Name)}, version {saga.Version}, hash {saga.DefinitionHash}"),
        ("owner", saga.Owner is { } owner ? $"{OneLine(owner.Host)}, process {owner.ProcessId} ({owner.Id})" : saga.Summary.Owner?.ToString() ?? "none"),
        ("generation", $"{saga.Summary.Generation}, since {Time(saga.TimeAdopted)}"),
        ("tags", saga.Tags.Count == 0 ? null : string.Join(", ", saga.Tags.Select(tag => OneLine($"{tag.Name}={tag.Value}")))),
        ("deadline", saga.Deadline is { } deadline ? Time(deadline) : null),
        ("held", saga.Hold is { } hold ? $"{Time(hold.Since)}, {By(hold.Note)}" : null),
        ("cancelled", saga.Cancellation is { } cancellation ? $"{Time(cancellation.At)}, {By(cancellation.Note)}" : null),
        ("abandoned", saga.Abandonment is { } abandonment ? $"{Time(abandonment.Time)}, {OneLine(abandonment.Reason)}: {Payload(abandonment.Comment)}" : null),
        ("unreadable", saga.Summary.Unreadable is { } unreadable ? OneLine(unreadable, OperatorNote.MaxLength) : null),
        ("parameters", Payload(saga.Parameters)),
    }.Where(one => one.Value is not null).Select(one => $"{one.Label + ":",-11} {one.Value}"));

    /// <summary>Appends each node with the last event that it has, in the order of the graph.</summary>
    private static void AppendNodes(StringBuilder text, SagaDetails saga)
    {
        if (saga.Graph is not { } graph)
        {
            return;
        }

        ILookup<int, LoggedEvent> events = saga.Events.ToLookup(one => one.NodeId);
        AppendSection(text, $"nodes ({graph.Nodes.Count})", graph.Nodes.Select(node =>
        {
            LoggedEvent? last = events[node.Id].LastOrDefault();
            string after = node.After.Count == 0 ? "" : $", after {string.Join(", ", node.After.Select(parent => OneLine(graph.NameOf(parent))))}";
            return $"{(last is null ? "not started" : SagaNames.Of(last.Type)),-13}  {OneLine(node.Name)}{(node.Undo ? "" : ", without an undo")}{after}";
        }));
    }

    private static void AppendSection(StringBuilder text, string title, IEnumerable<string> lines)
    {
        string[] all = [.. lines];
        if (all.Length > 0)
        {
            text.Append($"\n{title}\n");
            foreach (string line in all)
            {
                text.Append($"  {line}\n");
            }
        }
    }

    private static string By(OperatorNote note) => $"{OneLine(note.Actor)}: {OneLine(note.Reason, OperatorNote.MaxLength)}";

    private static string Payload(string text) => OneLine(text, SagaDetails.LongestText);
}
