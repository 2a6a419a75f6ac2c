using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace SagaRecovery.Tests.Support;

/// <summary>Keeps the log lines of recovery, at all levels; the host's own lines are left out.</summary>
internal sealed class LogLines : ILoggerProvider
{
    public ConcurrentQueue<(int EventId, LogLevel Level, string Message)> Lines { get; } = new();

    /// <summary>The next line with this event id is not written: the logger throws.</summary>
    public int? ThrowOnce { get; set; }

    public ILogger CreateLogger(string categoryName) =>
        categoryName.StartsWith("SagaRecovery", StringComparison.Ordinal) ? new Logger(this) : NullLogger.Instance;

    public int Count(int eventId) => Lines.Count(line => line.EventId == eventId);

    public void Dispose()
    {
    }

    private sealed class Logger(LogLines log) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Id == log.ThrowOnce)
            {
                log.ThrowOnce = null;
                throw new IOException("the log's disk is full");
            }

            log.Lines.Enqueue((eventId.Id, logLevel, formatter(state, exception)));
        }
    }
}
