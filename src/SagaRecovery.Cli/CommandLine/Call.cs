using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.Output;

namespace SagaRecovery.Cli.CommandLine;

/// <summary>One run of a command: its option values, the access to the sagas, and the output.</summary>
internal sealed class Call(ParseResult parsed, CommonOptions common)
{
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(30);

    public ToolEnvironment Environment { get; } = common.Environment;

    public Screen Screen { get; } = new(common.Environment);

    public bool Json => Value(common.Json);

    public TimeSpan? Timeout => Value(common.Timeout);

    private string Command => parsed.CommandResult.Command.Name;

    public T? Value<T>(Option<T> option) => parsed.GetValue(option);

    public T? Value<T>(Argument<T> argument) => parsed.GetValue(argument);

    public void Note(string message) => Invocation.Note(Environment, message);

    /// <summary>Opens the service or the database, as given.</summary>
    /// <remarks>If both environment variables are set, the service wins: it knows more, and it acts immediately.</remarks>
    public ISagaAccess Open()
    {
        ThrowIfAmbiguous();
        return Value(common.Connection) is null && Url() is { } url ? OpenService(url, DefaultTimeout)
            : Connection() is { } connection ? OpenDatabaseAt(connection)
            : throw TargetMissing("--url http://… for the service, or --connection 'Host=…' for its Postgres");
    }

    /// <summary>Opens the service, for commands that need the running process.</summary>
    public ServiceAccess OpenService(TimeSpan? deadline = null)
    {
        ThrowIfAmbiguous();
        return Value(common.Connection) is not null || (Url() is null && Connection() is not null)
            ? throw new ToolException(
                ExitCode.Usage, $"'{Command}' needs the running service and does not work on its database: pass --url http://… for the service.")
            : OpenService(Url() ?? throw TargetMissing("--url http://… for the service"), deadline ?? DefaultTimeout);
    }

    /// <summary>Opens the database, for commands that work on the tables.</summary>
    /// <param name="option">The option that needs it; null: the command.</param>
    public DatabaseAccess OpenDatabase(string? option = null)
    {
        ThrowIfAmbiguous();
        return Value(common.Url) is not null || (Connection() is null && Url() is not null)
            ? throw new ToolException(
                ExitCode.Usage, $"'{option ?? Command}' needs the database and does not work through a service: pass --connection 'Host=…' for its Postgres.")
            : OpenDatabaseAt(Connection() ?? throw TargetMissing("--connection 'Host=…' for the database"));
    }

    private Uri? Url()
    {
        if (Value(common.Url) is { } option)
        {
            return option;
        }

        if (Environment.GetVariable(CommonOptions.UrlVariable) is not { Length: > 0 } text)
        {
            return null;
        }

        Uri? url = Values.Url(text, out string? error);
        return error is null ? url : throw new ToolException(ExitCode.Usage, $"{CommonOptions.UrlVariable} {error}.");
    }

    private string? Connection() =>
        Value(common.Connection) ?? (Environment.GetVariable(CommonOptions.ConnectionVariable) is { Length: > 0 } text ? text : null);

    private void ThrowIfAmbiguous()
    {
        if (Value(common.Url) is not null && Value(common.Connection) is not null)
        {
            throw new ToolException(ExitCode.Usage, "--url and --connection cannot be combined: pass only one of them.");
        }
    }

    private ServiceAccess OpenService(Uri url, TimeSpan deadline) =>
        new(url, Credentials.Read(this, common), new Deadline(Timeout ?? deadline, url.ToString().TrimEnd('/'), Environment.Time));

    private DatabaseAccess OpenDatabaseAt(string connection) =>
        DatabaseAccess.Open(connection, Value(common.Schema)!, Timeout ?? DefaultTimeout, Environment.Time, Note);

    private static ToolException TargetMissing(string options) => new(
        ExitCode.Usage, $"No service or database is given: pass {options} (or set {CommonOptions.UrlVariable} or {CommonOptions.ConnectionVariable}).");
}
