namespace SagaRecovery.Stress.Reconciliation;

/// <summary>
/// Finds in the logs of the processes under one coordinator id the sagas that ran twice. Pure.
/// <para>
/// Within a process a saga is begun once, unless its run was interrupted in between. Over all processes it ends once, and is not
/// begun after that: an end is in the database before it is logged, and the join of the next incarnation waits for the writes of the
/// previous one, so a later process does not find a saga that has ended. A saga that an older process logs as ended though a newer
/// one has begun it is one about which both have written.
/// </para>
/// </summary>
internal static class LoggedRuns
{
    /// <param name="processes">In any order.</param>
    /// <returns>The sagas that ran twice, a line each.</returns>
    public static IReadOnlyList<string> Twice(IEnumerable<ProcessLog> processes)
    {
        List<string> twice = [];
        Dictionary<Guid, long> ended = [];
        foreach (ProcessLog process in InOrder(processes))
        {
            HashSet<Guid> begun = [];
            foreach (LogLine line in process.Lines)
            {
                switch (line)
                {
                    case { Id: LogEventId.Started or LogEventId.Resumed, Saga: { } saga }:
                        Note(begun.Add(saga), $"saga {saga} was begun twice by incarnation {process.Incarnation}");
                        Note(!ended.TryGetValue(saga, out long by), $"saga {saga} was begun by incarnation {process.Incarnation} after {by} had ended it");
                        break;
                    case { Id: LogEventId.RunInterrupted, Saga: { } saga }:
                        begun.Remove(saga);
                        break;
                    case { Id: LogEventId.Succeeded or LogEventId.Unwound or LogEventId.Stuck, Saga: { } saga }:
                        Note(ended.TryAdd(saga, process.Incarnation!.Value), $"saga {saga} ended twice, the second time by incarnation {process.Incarnation}");
                        break;
                }
            }
        }

        return twice;

        void Note(bool holds, string otherwise)
        {
            if (!holds)
            {
                twice.Add(otherwise);
            }
        }
    }

    /// <summary>
    /// Sagas that ended more than once, over all processes. Logs prove no more where sagas change their owner and come back: the ledger shows
    /// whose write counted.
    /// </summary>
    public static IReadOnlyList<string> EndedTwice(IEnumerable<ProcessLog> processes) =>
    [
        .. processes.SelectMany(process => process.Of(LogEventId.Succeeded, LogEventId.Unwound, LogEventId.Stuck))
            .GroupBy(line => line.Saga!.Value)
            .Where(ends => ends.Count() > 1)
            .Select(ends => $"saga {ends.Key} ended {ends.Count()} times"),
    ];

    /// <summary>
    /// Sagas that a process began though a newer one had begun them before: started or loaded just before it was paused, and refused at
    /// their first write. Where processes do not overlap there are none.
    /// </summary>
    public static IReadOnlyList<string> Late(IEnumerable<ProcessLog> processes)
    {
        Dictionary<Guid, (DateTimeOffset Time, long By)> newer = [];
        List<string> late = [];
        foreach (ProcessLog process in InOrder(processes).Reverse())
        {
            LogLine[] begun = [.. process.Of(LogEventId.Started, LogEventId.Resumed)];
            late.AddRange(begun
                .Where(line => newer.TryGetValue(line.Saga!.Value, out (DateTimeOffset Time, long By) first) && first.Time < line.Time)
                .Select(line => $"saga {line.Saga} was begun by incarnation {process.Incarnation} after {newer[line.Saga!.Value].By} had begun it"));
            foreach (LogLine line in begun)
            {
                if (!newer.TryGetValue(line.Saga!.Value, out (DateTimeOffset Time, long By) first) || line.Time < first.Time)
                {
                    newer[line.Saga.Value] = (line.Time, process.Incarnation!.Value);
                }
            }
        }

        return late;
    }

    private static IEnumerable<ProcessLog> InOrder(IEnumerable<ProcessLog> processes) =>
        processes.Where(process => process.Incarnation is not null).OrderBy(process => process.Incarnation);
}
