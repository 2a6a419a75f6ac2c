using System.Globalization;
using SagaRecovery.Storage;

namespace SagaRecovery.Retention;

/// <summary>Decides which ended sagas expire, and in which walks they are found. Pure.</summary>
internal static class RetentionPolicy
{
    private static readonly SagaState[] s_ended = [SagaState.Succeeded, SagaState.Unwound, SagaState.Stuck, SagaState.Abandoned];

    /// <returns>The time for which sagas of a definition are kept after they ended in a state; null if they are kept.</returns>
    public static TimeSpan? KeepOf(RetentionOptions options, string definition, SagaState state)
    {
        DefinitionRetention? own = options.ByDefinition.GetValueOrDefault(definition);
        return own is { Keep: true } ? null : state switch
        {
            SagaState.Succeeded => own?.KeepSucceeded ?? options.KeepSucceeded,
            SagaState.Unwound => own?.KeepUnwound ?? options.KeepUnwound,
            SagaState.Stuck => own?.KeepStuck ?? options.KeepStuck,
            SagaState.Abandoned => own?.KeepAbandoned ?? options.KeepAbandoned,
            _ => null, // in progress
        };
    }

    /// <summary>Plans the walks of a run.</summary>
    public static IReadOnlyList<RetentionWalk> Plan(RetentionOptions options, IReadOnlyCollection<StoredDefinition> definitions) =>
        Plan(definitions, (definition, state) => KeepOf(options, definition, state));

    /// <summary>Returns true for a state whose sagas are walked by definition, since the index of all sagas is by definition.</summary>
    public static bool IsByDefinition(SagaState state) => state == SagaState.Succeeded;

    /// <summary>Returns the position of the walks of a state in a plan.</summary>
    public static int OrderOf(SagaState state) => Array.IndexOf(s_ended, state);

    /// <summary>
    /// Plans one walk for each definition whose succeeded sagas expire, in the order of their hashes; and one for each other state. The order is
    /// the same in every process, so that a purge can continue at a <see cref="PurgePosition"/>.
    /// </summary>
    /// <param name="definitions">The stored definitions.</param>
    /// <param name="keepOf">Returns the time for which the sagas of a definition and a state are kept, or null.</param>
    public static IReadOnlyList<RetentionWalk> Plan(IReadOnlyCollection<StoredDefinition> definitions, Func<string, SagaState, TimeSpan?> keepOf)
    {
        List<RetentionWalk> walks = [];
        foreach (SagaState state in s_ended)
        {
            RetentionRule[] rules =
            [
                .. from definition in definitions
                   let keep = keepOf(definition.Name, state)
                   where keep is not null
                   select new RetentionRule(definition.Hash, keep.Value),
            ];
            if (IsByDefinition(state))
            {
                walks.AddRange(rules.OrderBy(rule => rule.Definition.ToString(), StringComparer.Ordinal).Select(rule => new RetentionWalk(state, [rule])));
            }
            else if (rules.Length > 0)
            {
                walks.Add(new RetentionWalk(state, rules));
            }
        }

        return walks;
    }

    /// <summary>Describes the options in one line: <c>succeeded after 30d, unwound after 90d; 1 definition differs</c>.</summary>
    public static string Describe(RetentionOptions options)
    {
        List<string> parts = [];
        Add("succeeded", options.KeepSucceeded);
        Add("unwound", options.KeepUnwound);
        Add("stuck", options.KeepStuck);
        Add("abandoned", options.KeepAbandoned);
        Add("operator actions", options.KeepOperatorActions);
        Add("silent coordinators", options.KeepSilentCoordinators);
        if (options.DeleteUnusedDefinitions)
        {
            parts.Add("unused definitions");
        }

        string text = parts.Count == 0 ? "by definition only" : string.Join(", ", parts);
        return options.ByDefinition.Count == 0 ? text : string.Create(
            CultureInfo.InvariantCulture, $"{text}; other times for {options.ByDefinition.Count} definition{(options.ByDefinition.Count == 1 ? "" : "s")}");

        void Add(string what, TimeSpan? keep)
        {
            if (keep is { } time)
            {
                parts.Add($"{what} after {Words(time)}");
            }
        }
    }

    /// <summary>Formats a time for which something is kept: <c>30d</c>, <c>36h</c>, <c>90s</c>.</summary>
    public static string Words(TimeSpan keep) => keep switch
    {
        { TotalDays: >= 2 } when keep.Ticks % TimeSpan.TicksPerDay == 0 => string.Create(CultureInfo.InvariantCulture, $"{keep.TotalDays:F0}d"),
        { TotalHours: >= 2 } when keep.Ticks % TimeSpan.TicksPerHour == 0 => string.Create(CultureInfo.InvariantCulture, $"{keep.TotalHours:F0}h"),
        { TotalMinutes: >= 2 } when keep.Ticks % TimeSpan.TicksPerMinute == 0 => string.Create(CultureInfo.InvariantCulture, $"{keep.TotalMinutes:F0}m"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{keep.TotalSeconds:0.###}s"),
    };
}
