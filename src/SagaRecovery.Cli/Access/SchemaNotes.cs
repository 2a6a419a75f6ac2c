using Microsoft.Extensions.Logging;
using SagaRecovery.Postgres;

namespace SagaRecovery.Cli.Access;

/// <summary>Notes what <see cref="PostgresSchema"/> logs while it upgrades the tables: the index that it builds, and whom it waits for.</summary>
/// <param name="note">Receives each line.</param>
internal sealed class SchemaNotes(Action<string> note) : ILogger<PostgresSchema>
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            note(formatter(state, exception));
        }
    }
}
