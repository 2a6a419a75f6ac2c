using System.CommandLine;

namespace SagaRecovery.Cli.CommandLine;

/// <summary>The options of every command: where the sagas are, who asks, and in what form to answer.</summary>
internal sealed class CommonOptions(Surroundings around)
{
    public const string UrlVariable = "SAGA_RECOVERY_URL";
    public const string ConnectionVariable = "SAGA_RECOVERY_CONNECTION";
    public const string UserVariable = "SAGA_RECOVERY_USER";
    public const string TokenVariable = "SAGA_RECOVERY_TOKEN";
    public const string DefaultSchema = "saga_recovery";

    public Surroundings Around { get; } = around;

    public Option<Uri?> Url { get; } = new("--url")
    {
        Description = $"The service: http://host:port, with the path where /saga-recovery is mapped elsewhere [{UrlVariable}]",
        Recursive = true,
        HelpName = "address",
        CustomParser = Values.ParseUrl,
    };

    public Option<string?> Connection { get; } = new("--connection")
    {
        Description = $"Postgres: Host=…;Database=…;Username=… (the password from PGPASSWORD or PGPASSFILE) [{ConnectionVariable}]",
        Recursive = true,
        HelpName = "connection string",
    };

    public Option<string> Schema { get; } = new("--schema")
    {
        Description = "The schema of the tables in Postgres",
        Recursive = true,
        DefaultValueFactory = _ => DefaultSchema,
        CustomParser = Values.ParseSchema,
    };

    public Option<string?> User { get; } = new("--user")
    {
        Description = $"Your name at the service [{UserVariable}]; the token comes from {TokenVariable} or --token-file",
        Recursive = true,
        HelpName = "name",
    };

    public Option<FileInfo?> TokenFile { get; } = new("--token-file") { Description = "A file that holds your token", Recursive = true, HelpName = "file" };

    public Option<bool> Json { get; } = new("--json") { Description = "Answer in JSON", Recursive = true };

    public Option<TimeSpan?> Timeout { get; } = new("--timeout")
    {
        Description = "How long to wait for an answer: 500ms, 30s, 5m [default: 30s; with --wait: 10m]",
        Recursive = true,
        HelpName = "time",
        CustomParser = result => Values.ParseSpan(result),
    };

    public void AddTo(RootCommand root)
    {
        foreach (Option option in new Option[] { Url, Connection, Schema, User, TokenFile, Json, Timeout })
        {
            root.Options.Add(option);
        }
    }

    /// <summary>Gives a command what it does.</summary>
    public void Run(Command command, Func<Call, CancellationToken, Task<ExitCode>> run) => command.SetAction((parsed, cancellationToken) =>
        Invocation.GuardAsync(Around, () => run(new Call(parsed, this), cancellationToken), cancellationToken));
}
