using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Output;

/// <summary>Prints one saga in full.</summary>
internal static class SagaPage
{
    public static void Print(Screen screen, SagaDetails saga)
    {
        SagaSummary summary = saga.Summary;
        var facts = new List<(string Name, string Value)>
        {
            ("name", $"{summary.Name} (version {saga.Version}, definition {saga.DefinitionHash.ToString()[..12]})"),
            ("state", SagaNames.Of(summary.State)),
            ("owner", Words.Owner(saga)),
            ("generation", $"{summary.Generation}, since {PlainText.Time(saga.TimeAdopted)}"),
            ("created", $"{PlainText.Time(summary.TimeCreated)} by {saga.Creator}"),
        };
        if (summary.ErrorCode is { } code)
        {
            facts.Add(("failure", summary.FailedNode is { } failed ? $"{failed}: {code}" : code));
        }

        if (summary.Unreadable is { } unreadable)
        {
            facts.Add(("unreadable", unreadable));
        }

        if (saga.Tags.Count > 0)
        {
            facts.Add(("tags", string.Join(", ", saga.Tags)));
        }

        if (saga.Hold is { } hold)
        {
            string stops = hold.StopsRun ? ", and its run stops" : "";
            facts.Add(("held", $"since {PlainText.Time(hold.Since)} by {Words.By(hold.Note)}{stops}"));
        }

        if (saga.Cancellation is { } cancellation)
        {
            facts.Add(("cancelled", $"at {PlainText.Time(cancellation.At)} by {Words.By(cancellation.Note)}"));
        }

        if (saga.Deadline is { } deadline)
        {
            facts.Add(("deadline", PlainText.Time(deadline)));
        }

        if (saga.Owner?.Paused is { } pause)
        {
            facts.Add(("owner paused", $"since {PlainText.Time(pause.Since)} by {Words.By(pause.Note)}"));
        }

        if (saga.Abandonment is { } abandonment)
        {
            facts.Add(("abandoned", $"at {PlainText.Time(abandonment.Time)} ({abandonment.Reason}): {abandonment.Comment}"));
        }

        facts.Add(("parameters", saga.Parameters));
        screen.Line($"saga {summary.Id}");
        Facts.Print(screen, facts);
        PrintGraph(screen, saga);
        PrintEvents(screen, saga);
    }

    private static void PrintGraph(Screen screen, SagaDetails saga)
    {
        screen.Line();
        if (saga.Graph is { } graph)
        {
            screen.Print(GraphDrawing.Draw(saga, graph));
        }
        else
        {
            screen.Line("No graph: only the executor can read this definition.");
        }
    }

    private static void PrintEvents(Screen screen, SagaDetails saga)
    {
        screen.Line();
        if (saga.Events.Count == 0)
        {
            screen.Line("No events.");
            return;
        }

        var events = new Sheet("TIME", Column.OfTexts("NODE"), "EVENT", Column.OfTexts("DATA") with { LeftOut = 0 });
        foreach (LoggedEvent entry in saga.Events)
        {
            events.Add(PlainText.PreciseTime(entry.Time), PlainText.OneLine(entry.Node, longest: 60), SagaNames.Of(entry.Type), entry.Data ?? "");
        }

        screen.Print(events);
    }
}

/// <summary>Prints name and value pairs, one per line.</summary>
internal static class Facts
{
    public static void Print(Screen screen, IReadOnlyList<(string Name, string Value)> facts)
    {
        int longest = facts.Max(fact => fact.Name.Length);
        foreach ((string name, string value) in facts)
        {
            screen.Line($"  {(name + ":").PadRight(longest + 1)} {PlainText.OneLine(value, longest: 400)}");
        }
    }
}
