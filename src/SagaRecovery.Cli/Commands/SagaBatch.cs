using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>One operator action on all sagas of a filter: a dry run that lists and counts them, a confirmation, and then one batch after the other.</summary>
/// <remarks>The sagas are those of the dry run. A batch is done or not done as a whole, so an interruption leaves a number that is known.</remarks>
internal sealed class SagaBatch(Call call, OperatorActionKind kind, SagaFilter filter, SagaBatchRequest template, string consequence)
{
    private const int PageSize = 1_000;
    private const int MaxListed = 20;
    private const int MaxRefusalsListed = 20;

    public bool DryRun { get; init; }

    public required int Max { get; init; }

    public bool Confirmed { get; init; }

    private string Action => SagaNames.Of(kind);

    public async Task<ExitCode> RunAsync(CancellationToken cancellationToken)
    {
        if (!DryRun && !Confirmed)
        {
            Confirmation.ThrowIfNotInteractive(call, $"batch {Action}");
        }

        ISagaAccess access = call.Open();
        await using (access.ConfigureAwait(false))
        {
            MatchedSagas matched = await ListAsync(access, cancellationToken).ConfigureAwait(false);
            if (DryRun || matched.Count == 0)
            {
                return PrintDryRun(matched);
            }

            if (matched.Count > Max)
            {
                throw new ToolException(
                    ExitCode.Refused, $"batch {Action}: not done, more than {PlainText.Count(Max, "saga")} match ({FilterOptions.Describe(filter)}). Narrow the filter, or raise --max.");
            }

            await AskAsync(matched, access.Target, cancellationToken).ConfigureAwait(false);
            return await PerformAsync(access, matched.Listed, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Lists the sagas of the filter. A dry run counts all of them; an action needs no more than one beyond <see cref="Max"/>.</summary>
    private async Task<MatchedSagas> ListAsync(ISagaAccess access, CancellationToken cancellationToken)
    {
        var matched = new MatchedSagas(Max);
        SagaCursor? before = null;
        while (DryRun || matched.Count <= Max)
        {
            int limit = DryRun ? PageSize : Math.Min(PageSize, Max + 1 - matched.Count);
            IReadOnlyList<SagaSummary> page = await access.ListAsync(filter with { Limit = limit, Before = before }, cancellationToken).ConfigureAwait(false);
            matched.Add(page);
            if (page.Count < limit)
            {
                break;
            }

            before = SagaCursor.Of(page[^1]);
        }

        return matched;
    }

    private ExitCode PrintDryRun(MatchedSagas matched)
    {
        if (call.Json)
        {
            call.Screen.Json(new BatchReport(Action, matched.Count, DryRun, Done: 0, AlreadyDone: 0, [], [.. matched.Listed.Select(saga => saga.Id)]), ToolJson.Default.BatchReport);
        }
        else if (matched.Count == 0)
        {
            call.Note("No sagas match.");
        }
        else
        {
            SagaListCommand.Print(call.Screen, [.. matched.Listed.Take(MaxListed)]);
            call.Screen.Line(Summarize(matched));
            call.Screen.Line("Dry run: nothing was changed.");
        }

        if (matched.Count > Max)
        {
            call.Note($"More sagas match than --max {Max}: without --dry-run the command would refuse.");
        }

        return ExitCode.Done;
    }

    private string Summarize(MatchedSagas matched)
    {
        int listed = Math.Min(MaxListed, matched.Listed.Count);
        string more = matched.Count > listed ? $"… and {matched.Count - listed} more. " : "";
        string names = string.Join(", ", matched.ByName.OrderByDescending(pair => pair.Value).Take(5)
            .Select(pair => $"{pair.Value} {PlainText.OneLine(pair.Key, longest: 60)}"));
        return $"{more}{PlainText.Count(matched.Count, "saga")} to {Action}: {names}.";
    }

    private async Task AskAsync(MatchedSagas matched, string target, CancellationToken cancellationToken)
    {
        string[] lines =
        [
            $"{Action} {PlainText.Count(matched.Count, "saga")} in {target} ({FilterOptions.Describe(filter)})",
            .. matched.Listed.Take(MaxListed).Select(saga => $"  {saga.Id}  {SagaNames.Of(saga.State)}  {PlainText.Time(saga.TimeCreated)}  {PlainText.OneLine(saga.Name, longest: 60)}"),
            $"  {Summarize(matched)}",
            $"  {consequence}",
            .. template.Force ? ["  It applies even if their owners answer (--force)."] : Array.Empty<string>(),
        ];
        if (Confirmed)
        {
            foreach (string line in lines)
            {
                await call.Environment.Error.WriteLineAsync(line).ConfigureAwait(false);
            }
        }
        else
        {
            await Confirmation.AskAsync(call, $"batch {Action}", lines, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<ExitCode> PerformAsync(ISagaAccess access, List<SagaSummary> sagas, CancellationToken cancellationToken)
    {
        (int done, int already, int visited) = (0, 0, 0);
        List<SagaRefusal> refused = [];
        try
        {
            foreach (SagaSummary[] chunk in sagas.Chunk(SagaBatchRequest.MaxSagas))
            {
                // Not cancelled: a batch in flight ends within the time limit, and its outcome is then known.
                cancellationToken.ThrowIfCancellationRequested();
                SagaBatchResponse response = await access.PerformAsync(
                    kind, template with { Sagas = [.. chunk.Select(saga => saga.Id)] }, CancellationToken.None).ConfigureAwait(false);
                done += response.Done;
                already += response.AlreadyDone;
                visited += chunk.Length;
                refused.AddRange(response.Refused);
                await call.Environment.Error.WriteLineAsync($"{Action}: {Outcome(done, already, refused.Count)}, {sagas.Count - visited} left").ConfigureAwait(false);
            }
        }
        finally
        {
            if (visited < sagas.Count)
            {
                int inFlight = Math.Min(SagaBatchRequest.MaxSagas, sagas.Count - visited);
                string unknown = cancellationToken.IsCancellationRequested ? "" : $" Of the next {inFlight}, some may have been done: there was no answer.";
                call.Note($"batch {Action}: interrupted, {Outcome(done, already, refused.Count)}, {sagas.Count - visited} left.{unknown} Repeat the command to continue.");
            }
        }

        return Reply(sagas.Count, done, already, refused);
    }

    private static string Outcome(int done, int already, int refused) => $"{done} done, {(already > 0 ? $"{already} done before, " : "")}{refused} refused";

    private ExitCode Reply(int matched, int done, int already, List<SagaRefusal> refused)
    {
        if (call.Json)
        {
            call.Screen.Json(new BatchReport(Action, matched, DryRun: false, done, already, refused, Sagas: []), ToolJson.Default.BatchReport);
        }
        else
        {
            foreach (SagaRefusal refusal in refused.Take(MaxRefusalsListed))
            {
                call.Screen.Line(PlainText.OneLine(refusal.Message, longest: 1_000));
            }

            call.Screen.Line(
                $"batch {Action}: {Outcome(done, already, refused.Count)}{(refused.Count > MaxRefusalsListed ? $" (the first {MaxRefusalsListed} are listed)" : "")}");
        }

        return refused.Count == 0 ? ExitCode.Done : done + already > 0 ? ExitCode.Failed : ActionReply.ToExitCode(refused[0].Result);
    }

    /// <summary>The sagas of a filter: their number, the first ones, and the numbers of each name.</summary>
    private sealed class MatchedSagas(int maxListed)
    {
        public int Count { get; private set; }

        public List<SagaSummary> Listed { get; } = [];

        public Dictionary<string, int> ByName { get; } = new(StringComparer.Ordinal);

        public void Add(IReadOnlyList<SagaSummary> page)
        {
            Count += page.Count;
            Listed.AddRange(page.Take(maxListed - Listed.Count));
            foreach (SagaSummary saga in page)
            {
                ByName[saga.Name] = ByName.GetValueOrDefault(saga.Name) + 1;
            }
        }
    }
}
