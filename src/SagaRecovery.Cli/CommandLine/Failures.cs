using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Npgsql;

namespace SagaRecovery.Cli.CommandLine;

/// <summary>Exceptions in one line and one exit code.</summary>
internal static class Failures
{
    public static (ExitCode ExitCode, string Message) Of(Exception failure) => failure switch
    {
        RefusalException refusal => (refusal.ExitCode, refusal.Message),
        PostgresException answer => Of(answer),
        NpgsqlException when failure.Message.StartsWith("No password", StringComparison.Ordinal) => (
            ExitCode.Refused, "The database wants a password: set PGPASSWORD, or name a file with PGPASSFILE."),
        NpgsqlException or SocketException or TimeoutException => (ExitCode.Unreachable, $"Cannot reach the database: {Innermost(failure)}"),
        HttpRequestException => (ExitCode.Unreachable, $"Cannot reach the service: {Innermost(failure)}"),
        JsonException => (ExitCode.Failed, $"The answer is not one that this version of the tool can read: {failure.Message}"),
        OptionsValidationException => (ExitCode.Usage, failure.Message),
        _ => (ExitCode.Failed, $"{failure.GetType().Name}: {failure.Message}"),
    };

    private static (ExitCode ExitCode, string Message) Of(PostgresException answer) => answer.SqlState switch
    {
        PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.InvalidSchemaName => (
            ExitCode.Failed,
            $"The tables are not there, or of another version ({answer.MessageText}): look with 'schema check', and at --schema."),
        PostgresErrorCodes.InsufficientPrivilege or PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification => (
            ExitCode.Refused, $"The database refuses: {answer.MessageText}"),
        PostgresErrorCodes.InvalidCatalogName => (ExitCode.Unreachable, $"Cannot reach the database: {answer.MessageText}"),
        _ when answer.IsTransient => (ExitCode.Unreachable, $"The database cannot answer now: {answer.MessageText}"),
        _ => (ExitCode.Failed, $"The database answers {answer.SqlState}: {answer.MessageText}"),
    };

    private static string Innermost(Exception failure)
    {
        Exception inner = failure.GetBaseException();
        return inner == failure || failure.Message.Contains(inner.Message, StringComparison.Ordinal)
            ? failure.Message
            : $"{failure.Message} ({inner.Message})";
    }
}
