using System.CommandLine;
using System.Text;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.Output;

namespace SagaRecovery.Cli.CommandLine;

/// <summary>One run of a command: its values, the way to the sagas that they name, and where answers go.</summary>
internal sealed class Call(ParseResult parsed, CommonOptions common)
{
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(30);

    public Surroundings Around { get; } = common.Around;

    public Screen Screen { get; } = new(common.Around);

    public bool Json => Value(common.Json);

    public TimeSpan? Timeout => Value(common.Timeout);

    private string Command => parsed.CommandResult.Command.Name;

    public T? Value<T>(Option<T> option) => parsed.GetValue(option);

    public T? Value<T>(Argument<T> argument) => parsed.GetValue(argument);

    public void Note(string message) => Invocation.Note(Around, message);

    /// <summary>Whichever way is named; where both variables are set, the service: it knows more, and acts at once.</summary>
    public ISagaAccess Open()
    {
        ThrowIfBoth();
        return Value(common.Connection) is null && Url() is { } url ? OpenService(url, DefaultTimeout)
            : Connection() is { } connection ? OpenDatabase(connection)
            : throw Nowhere("--url http://… of the service, or --connection 'Host=…' of its Postgres");
    }

    /// <summary>For what only the process can tell or do.</summary>
    public ServiceAccess OpenService(TimeSpan? deadline = null)
    {
        ThrowIfBoth();
        return Value(common.Connection) is not null || (Url() is null && Connection() is not null)
            ? throw new RefusalException(
                ExitCode.Usage, $"'{Command}' asks the process, which cannot be reached through its database: give --url http://… of the service.")
            : OpenService(Url() ?? throw Nowhere("--url http://… of the service"), deadline ?? DefaultTimeout);
    }

    /// <summary>For what concerns the tables.</summary>
    public DatabaseAccess OpenDatabase()
    {
        ThrowIfBoth();
        return Value(common.Url) is not null || (Connection() is null && Url() is not null)
            ? throw new RefusalException(
                ExitCode.Usage, $"'{Command}' works on the tables, which no service gives access to: give --connection 'Host=…' of its Postgres.")
            : OpenDatabase(Connection() ?? throw Nowhere("--connection 'Host=…' of the Postgres"));
    }

    private Uri? Url()
    {
        if (Value(common.Url) is { } given)
        {
            return given;
        }

        if (Around.Variable(CommonOptions.UrlVariable) is not { Length: > 0 } text)
        {
            return null;
        }

        Uri? url = Values.Url(text, out string? wrong);
        return wrong is null ? url : throw new RefusalException(ExitCode.Usage, $"{CommonOptions.UrlVariable} {wrong}.");
    }

    private string? Connection() =>
        Value(common.Connection) ?? (Around.Variable(CommonOptions.ConnectionVariable) is { Length: > 0 } text ? text : null);

    private void ThrowIfBoth()
    {
        if (Value(common.Url) is not null && Value(common.Connection) is not null)
        {
            throw new RefusalException(ExitCode.Usage, "--url and --connection are two ways to the same sagas: give one of them.");
        }
    }

    private ServiceAccess OpenService(Uri url, TimeSpan deadline) => new(url, Credentials(), new Deadline(Timeout ?? deadline, url.ToString().TrimEnd('/'), Around.Time));

    private DatabaseAccess OpenDatabase(string connection) => DatabaseAccess.Open(connection, Value(common.Schema)!, Timeout ?? DefaultTimeout, Around.Time);

    private string? Credentials()
    {
        string? user = Value(common.User) ?? Around.Variable(CommonOptions.UserVariable);
        string? token = Token();
        return (string.IsNullOrEmpty(user), string.IsNullOrEmpty(token)) switch
        {
            (true, true) => null,
            (false, true) when Value(common.User) is null => null, // looking may be open to everybody
            (true, false) => throw new RefusalException(ExitCode.Usage, "There is a token, but no name: give --user."),
            (false, true) => throw new RefusalException(
                ExitCode.Usage, $"There is a name, but no token: set {CommonOptions.TokenVariable}, or give --token-file."),
            _ when user!.Contains(':', StringComparison.Ordinal) => throw new RefusalException(ExitCode.Usage, "--user must not contain a colon."),
            _ => Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{token}")),
        };
    }

    private string? Token()
    {
        if (Value(common.TokenFile) is not { } file)
        {
            return Around.Variable(CommonOptions.TokenVariable);
        }

        try
        {
            using StreamReader reader = file.OpenText();
            return reader.ReadLine()?.Trim();
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new RefusalException(ExitCode.Usage, $"The token file cannot be read: {unreadable.Message}", unreadable);
        }
    }

    private static RefusalException Nowhere(string give) => new(
        ExitCode.Usage, $"Say where the sagas are: give {give} (or set {CommonOptions.UrlVariable} or {CommonOptions.ConnectionVariable}).");
}
