using System.Runtime.ExceptionServices;

namespace SagaRecovery.Executor.Running;

/// <summary>An action or undo in flight, with its attempts in this process. Thread-safe.</summary>
internal sealed class StepInFlight(int node, bool isUndo)
{
    private readonly Lock _lock = new();
    private Exception? _lastError;
    private DateTimeOffset? _nextAttempt;
    private int _attempt;

    public int Node => node;

    public bool IsUndo => isUndo;

    /// <summary>The first failure, which the retry strategy has yet to see. Used by the thread that runs the step.</summary>
    public ExceptionDispatchInfo? FirstFailure { get; set; }

    /// <summary>The data error that ended an attempt. It must not be retried, so the pipeline does not see it.</summary>
    public SagaDataException? DataError { get; set; }

    /// <summary>The number of the attempt that runs or ran last, from 1.</summary>
    public int Attempt => Volatile.Read(ref _attempt);

    public int BeginAttempt()
    {
        lock (_lock)
        {
            _nextAttempt = null;
            return ++_attempt;
        }
    }

    public void RecordFailure(Exception exception)
    {
        lock (_lock)
        {
            _lastError = exception;
        }
    }

    public void RecordDelay(DateTimeOffset nextAttempt)
    {
        lock (_lock)
        {
            _nextAttempt = nextAttempt;
        }
    }

    /// <summary>Returns the last error and the time of the next attempt; nulls if no attempt has failed or the time is not known.</summary>
    public (Exception? LastError, DateTimeOffset? NextAttempt) Read()
    {
        lock (_lock)
        {
            return (_lastError, _nextAttempt);
        }
    }
}
