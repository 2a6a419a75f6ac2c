using System.Globalization;
using System.Text.RegularExpressions;

namespace SagaRecovery.Stress.Reconciliation;

/// <summary>One line of a process's log.</summary>
/// <param name="Time">The time at which it was written.</param>
/// <param name="Level">Three letters, as <c>INF</c>.</param>
/// <param name="Id">The event; null: not one of recovery's or the executor's.</param>
/// <param name="Saga">The saga of the line.</param>
/// <param name="Message">The message; null for a saga's line without a warning, since such lines are very many.</param>
internal sealed record LogLine(DateTimeOffset Time, string Level, LogEventId? Id, Guid? Saga, string? Message)
{
    public bool IsWarning => Level is "WRN" or "ERR" or "FTL";
}

/// <summary>The log of a process, in its order.</summary>
internal sealed partial class ProcessLog
{
    private ProcessLog(List<LogLine> lines) => Lines = lines;

    /// <summary>The arguments of a process whose log can be read here.</summary>
    public static IReadOnlyList<string> Settings { get; } =
    [
        "--Serilog:MinimumLevel:Override:SagaRecovery=Debug", // one line for each decision
        "--Serilog:WriteTo:0:Args:outputTemplate={Timestamp:O} {Level:u3} {EventId} {SourceContext}: {Message:lj}{NewLine}{Exception}",
    ];

    public IReadOnlyList<LogLine> Lines { get; }

    /// <summary>The incarnation of the process; null: it never joined.</summary>
    public long? Incarnation => Of(LogEventId.Joined).FirstOrDefault() is { Message: { } message }
        ? long.Parse(message[(message.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture)
        : null;

    public static ProcessLog Read(IEnumerable<string> output)
    {
        List<LogLine> lines = [];
        foreach (string text in output)
        {
            if (LineRule().Match(text) is { Success: true } match)
            {
                lines.Add(Read(match.Groups));
            }
        }

        return new ProcessLog(lines);
    }

    /// <summary>The lines of a running process about the sagas that it resumed.</summary>
    public static IEnumerable<LogLine> Resumed(ServiceProcess service) => Read(service.Output).Of(LogEventId.Resumed);

    public IEnumerable<LogLine> Of(params IReadOnlyList<LogEventId> events) => Lines.Where(line => line.Id is { } id && events.Contains(id));

    /// <summary>The number of lines of an event among the first lines.</summary>
    public int Count(LogEventId id, int lines = int.MaxValue) => Lines.Take(lines).Count(line => line.Id == id);

    /// <summary>The sum of the number after a word in each line of an event: <c>skipped 12</c>.</summary>
    public long Sum(LogEventId id, string word) => Of(id)
        .Select(line => Regex.Match(line.Message!, $"\\b{word} (\\d+)", RegexOptions.None, TimeSpan.FromMinutes(1)))
        .Sum(match => match.Success ? long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : 0);

    private static LogLine Read(GroupCollection groups)
    {
        string message = groups["message"].Value;
        string level = groups["level"].Value;
        bool ours = groups["source"].Value.StartsWith("SagaRecovery.", StringComparison.Ordinal);
        LogEventId? id = ours && int.TryParse(groups["id"].ValueSpan, CultureInfo.InvariantCulture, out int number) ? (LogEventId)number : null;
        Guid? saga = id is not (null or LogEventId.Joined or LogEventId.Fenced) && SagaIdRule().Match(message) is { Success: true } match
            ? Guid.Parse(match.ValueSpan)
            : null;
        var line = new LogLine(DateTimeOffset.Parse(groups["time"].ValueSpan, CultureInfo.InvariantCulture), level, id, saga, message);
        return saga is null || line.IsWarning ? line : line with { Message = null };
    }

    [GeneratedRegex(
        @"^(?<time>\d{4}-\S+) (?<level>[A-Z]{3}) (\{ Id: (?<id>\d+)[^}]*\})? ?(?<source>\S+): (?<message>.*)$",
        RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex LineRule();

    [GeneratedRegex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex SagaIdRule();
}
