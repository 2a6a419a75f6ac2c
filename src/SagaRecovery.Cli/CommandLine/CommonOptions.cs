using System.CommandLine;

namespace SagaRecovery.Cli.CommandLine;

/// <summary>The options of every command: the service or database, the credentials, the output format and the timeout.</summary>
internal sealed class CommonOptions(ToolEnvironment environment)
{
    public const string UrlVariable = "SAGA_RECOVERY_URL";
    public const string ConnectionVariable = "SAGA_RECOVERY_CONNECTION";
    public const string UserVariable = "SAGA_RECOVERY_USER";
    public const string TokenVariable = "SAGA_RECOVERY_TOKEN";
    public const string TokenCommandVariable = "SAGA_RECOVERY_TOKEN_COMMAND";
    public const string DefaultSchema = "saga_recovery";

    public ToolEnvironment Environment { get; } = environment;

    public Option<Uri?> Url { get; } = new("--url")
    {
        Description = $"The service: http://host:port, plus the path if the endpoints are not mapped at /saga-recovery [{UrlVariable}]",
        Recursive = true,
        HelpName = "address",
        CustomParser = Values.ParseUrl,
    };

    public Option<string?> Connection { get; } = new("--connection")
    {
        Description = $"The database: Host=…;Database=…;Username=… (password from PGPASSWORD or PGPASSFILE) [{ConnectionVariable}]",
        Recursive = true,
        HelpName = "connection string",
    };

    public Option<string> Schema { get; } = new("--schema")
    {
        Description = "The Postgres schema that holds the tables",
        Recursive = true,
        DefaultValueFactory = _ => DefaultSchema,
        CustomParser = Values.ParseSchema,
    };

    public Option<string?> User { get; } = new("--user")
    {
        Description = $"Your user name at the service, for HTTP Basic [{UserVariable}]; without it, the token is sent as a bearer token",
        Recursive = true,
        HelpName = "name",
    };

    public Option<FileInfo?> TokenFile { get; } = new("--token-file") { Description = $"A file that contains your token [{TokenVariable}]", Recursive = true, HelpName = "file" };

    public Option<string?> TokenCommand { get; } = new("--token-command")
    {
        Description = $"A command that prints your token, run by the shell [{TokenCommandVariable}]",
        Recursive = true,
        HelpName = "command",
    };

    public Option<bool> Json { get; } = new("--json") { Description = "Print JSON", Recursive = true };

    public Option<TimeSpan?> Timeout { get; } = new("--timeout")
    {
        Description = "The time limit for a response, such as 500ms, 30s, 5m or 00:05:00 [default: 30s; with --wait: 10m]",
        Recursive = true,
        HelpName = "time",
        CustomParser = Values.ParseSpan,
    };

    public void AddTo(RootCommand root)
    {
        foreach (Option option in new Option[] { Url, Connection, Schema, User, TokenFile, TokenCommand, Json, Timeout })
        {
            root.Options.Add(option);
        }
    }

    /// <summary>Sets the handler that runs when the command is invoked.</summary>
    public void SetHandler(Command command, Func<Call, CancellationToken, Task<ExitCode>> run) => command.SetAction((parsed, cancellationToken) =>
        Invocation.GuardAsync(Environment, () => run(new Call(parsed, this), cancellationToken), cancellationToken));
}
