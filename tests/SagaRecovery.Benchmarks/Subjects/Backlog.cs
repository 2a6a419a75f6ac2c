using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>What happens to the sagas of a backlog. Thread-safe.</summary>
internal sealed class Backlog(int sagas)
{
    public Arrivals Begun { get; } = new(sagas);

    public Arrivals Ended { get; } = new(sagas);

    /// <summary>The time stamp at which the first pass had listed the sagas; 0: it has not yet.</summary>
    public long ListedAt { get; private set; }

    /// <summary>Reads the log for the end of the listing, which is not shown elsewhere.</summary>
    public ILoggerProvider Watch() => new ListingWatch(this);

    private sealed class ListingWatch(Backlog backlog) : ILoggerProvider, ILogger
    {
        private const int ListedCandidates = 4;

        public ILogger CreateLogger(string categoryName) => this;

        public bool IsEnabled(LogLevel logLevel) => backlog.ListedAt == 0;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Id == ListedCandidates && backlog.ListedAt == 0)
            {
                backlog.ListedAt = Stopwatch.GetTimestamp();
            }
        }

        public void Dispose()
        {
        }
    }
}
