using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Npgsql;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.CommandLine;

/// <summary>Maps exceptions to an exit code and a one-line message.</summary>
internal static class Failures
{
    public static (ExitCode ExitCode, string Message) Of(Exception failure) => failure switch
    {
        ToolException refusal => (refusal.ExitCode, refusal.Message),
        IncompatibleStoreException => (ExitCode.Failed, failure.Message),
        SearchTimeoutException => (ExitCode.Failed, failure.Message),
        PostgresException error => Of(error),
        NpgsqlException when failure.Message.StartsWith("No password", StringComparison.Ordinal) => (
            ExitCode.Refused, "The database requires a password: set PGPASSWORD, or PGPASSFILE to the path of a password file."),
        NpgsqlException or SocketException or TimeoutException => (ExitCode.Unreachable, $"Cannot reach the database: {Innermost(failure)}"),
        HttpRequestException => (ExitCode.Unreachable, $"Cannot reach the service: {Innermost(failure)}"),
        JsonException => (ExitCode.Failed, $"This version of the tool cannot read the response: {failure.Message}"),
        OptionsValidationException => (ExitCode.Usage, failure.Message),
        _ => (ExitCode.Failed, $"{failure.GetType().Name}: {failure.Message}"),
    };

    private static (ExitCode ExitCode, string Message) Of(PostgresException error) => error.SqlState switch
    {
        PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.InvalidSchemaName => (
            ExitCode.Failed,
            $"The tables are missing or of another version ({error.MessageText}): check --schema, and run 'schema check'."),
        PostgresErrorCodes.InsufficientPrivilege or PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification => (
            ExitCode.Refused, $"The database refused: {error.MessageText}"),
        PostgresErrorCodes.InvalidCatalogName => (ExitCode.Unreachable, $"Cannot reach the database: {error.MessageText}"),
        _ when error.IsTransient => (ExitCode.Unreachable, $"The database is not available now: {error.MessageText}"),
        _ => (ExitCode.Failed, $"The database answered {error.SqlState}: {error.MessageText}"),
    };

    private static string Innermost(Exception failure)
    {
        Exception inner = failure.GetBaseException();
        return inner == failure || failure.Message.Contains(inner.Message, StringComparison.Ordinal)
            ? failure.Message
            : $"{failure.Message} ({inner.Message})";
    }
}
