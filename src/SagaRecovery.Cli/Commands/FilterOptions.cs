using System.CommandLine;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>The options that select sagas. All that are given must hold.</summary>
internal sealed class FilterOptions
{
    private readonly Option<StateChoice?> _state = new("--state")
    {
        Description = $"Only sagas in this state: {string.Join(", ", SagaNames.States.Select(SagaNames.Of))}; or '{SagaNames.Unfinished}', for running and unwinding",
        HelpName = "state",
        CustomParser = Values.ParseStateChoice,
    };

    private readonly Option<CoordinatorId?> _owner = new("--owner")
    {
        Description = "Only sagas that this coordinator owns",
        HelpName = "id",
        CustomParser = Values.ParseCoordinator,
    };

    private readonly Option<string?> _name = new("--name") { Description = "Only sagas of the definition with this name", HelpName = "name" };

    private readonly Option<DefinitionChoice?> _definition = new("--definition")
    {
        Description = "Only sagas of this definition: its name, or name@version",
        HelpName = "name[@version]",
        CustomParser = Values.ParseDefinition,
    };

    private readonly Option<DateTimeOffset?> _since;
    private readonly Option<DateTimeOffset?> _until;

    private readonly Option<string?> _failedNode = new("--failed-node") { Description = "Only sagas that the failure of this node has unwound, or made stuck", HelpName = "node" };

    private readonly Option<string?> _errorCode = new("--error-code")
    {
        Description = "Only sagas whose failure has this error code; 'cancelled' for cancelled ones",
        HelpName = "code",
    };

    private readonly Option<SagaTag[]> _tag = new("--tag")
    {
        Description = "Only sagas with this tag; repeat for several, which must all be there",
        HelpName = "name=value",
        CustomParser = Values.ParseTags,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<bool> _held = new("--held") { Description = "Only sagas that are held" };

    /// <param name="environment">The clock to which durations refer.</param>
    public FilterOptions(ToolEnvironment environment)
    {
        _since = Bound("--since", "Only sagas that were started at this time or later", environment);
        _until = Bound("--until", "Only sagas that were started before this time", environment);
        _state.CompletionSources.Clear(); // the defaults are the members of the type, not the words of the tool
        _state.CompletionSources.Add([.. SagaNames.States.Select(SagaNames.Of), SagaNames.Unfinished]);
    }

    private IEnumerable<Option> All => [_state, _definition, _name, _owner, _since, _until, _failedNode, _errorCode, _tag, _held];

    public void AddTo(Command command)
    {
        foreach (Option option in All)
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Returns the filter, without a limit of its own.</summary>
    public SagaFilter Read(Call call)
    {
        if (call.Value(_name) is not null && call.Value(_definition) is not null)
        {
            throw new ToolException(ExitCode.Usage, "--name and --definition cannot be combined: pass only one of them.");
        }

        return new SagaFilter
        {
            State = call.Value(_state)?.State,
            UnfinishedOnly = call.Value(_state) is { State: null },
            Owner = call.Value(_owner),
            Name = call.Value(_name) ?? call.Value(_definition)?.Name,
            Version = call.Value(_definition)?.Version,
            Since = call.Value(_since),
            Until = call.Value(_until),
            FailedNode = call.Value(_failedNode),
            ErrorCode = call.Value(_errorCode),
            Tags = call.Value(_tag) ?? [],
            HeldOnly = call.Value(_held),
        };
    }

    /// <summary>Words a filter for operators, as the options that make it.</summary>
    public static string Describe(SagaFilter filter)
    {
        IEnumerable<string?> parts =
        [
            filter.State is { } state ? $"state {SagaNames.Of(state)}" : filter.UnfinishedOnly ? SagaNames.Unfinished : null,
            filter.Name is { } name ? $"definition {PlainText.OneLine(name, 80)}{(filter.Version is { } version ? $"@{version}" : "")}" : null,
            filter.Owner is { } owner ? $"owner {owner}" : null,
            filter.Since is { } since ? $"since {PlainText.Time(since)}" : null,
            filter.Until is { } until ? $"until {PlainText.Time(until)}" : null,
            filter.FailedNode is { } node ? $"failed node {PlainText.OneLine(node, 80)}" : null,
            filter.ErrorCode is { } code ? $"error code {PlainText.OneLine(code, 80)}" : null,
            .. filter.Tags.Select(tag => $"tag {PlainText.OneLine(tag.ToString(), 80)}"),
            filter.HeldOnly ? "held" : null,
        ];
        return string.Join(", ", parts.OfType<string>());
    }

    private static Option<DateTimeOffset?> Bound(string name, string description, ToolEnvironment environment) => new(name)
    {
        Description = $"{description}: {TimeBound.Forms}",
        HelpName = "time",
        CustomParser = result => Values.ParseTime(result, environment.Time.GetUtcNow()),
    };
}
