using System.Runtime.ExceptionServices;
using SagaRecovery.Executor.Progress;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Running;

/// <summary>
/// An action or undo in flight, with its attempts in this process. The run uses the same object for its next step when this one has ended.
/// Thread-safe, apart from <see cref="Begin"/>.
/// </summary>
internal sealed class StepInFlight(NodeRunner runner) : IThreadPoolWorkItem
{
    private readonly Lock _lock = new();
    private ExecutionContext? _context; // with the span of the run
    private DateTimeOffset _since;
    private DateTimeOffset? _attemptSince; // null between two attempts
    private Exception? _lastError;
    private DateTimeOffset? _nextAttempt;
    private int _attempt;

    public int Node { get; private set; }

    public bool IsUndo { get; private set; }

    /// <summary>The first failure, which the retry strategy has yet to see. Used by the thread that runs the step.</summary>
    public ExceptionDispatchInfo? FirstFailure { get; set; }

    /// <summary>The data error that ended an attempt. It must not be retried, so the pipeline does not see it.</summary>
    public SagaDataException? DataError { get; set; }

    /// <summary>The event that a transactional node has written. Used by the thread that runs the step.</summary>
    public SavedNodeEvent? Written { get; set; }

    /// <summary>The number of the attempt that runs or ran last, from 1.</summary>
    public int Attempt => Volatile.Read(ref _attempt);

    public bool IsRetrying
    {
        get
        {
            lock (_lock)
            {
                return _lastError is not null;
            }
        }
    }

    /// <summary>True if the step waits for its next attempt. Not known of a pipeline of the user's.</summary>
    public bool IsWaiting
    {
        get
        {
            lock (_lock)
            {
                return _nextAttempt is not null;
            }
        }
    }

    /// <summary>The failure of the last attempt while the step waits for the next one; otherwise null.</summary>
    public Exception? FailureBeforeWait
    {
        get
        {
            lock (_lock)
            {
                return _nextAttempt is null ? null : _lastError;
            }
        }
    }

    /// <summary>Begins a step, before any other thread sees it.</summary>
    public void Begin(int node, bool isUndo, DateTimeOffset now)
    {
        (Node, IsUndo, _since, _context) = (node, isUndo, now, ExecutionContext.Capture());
        (FirstFailure, DataError, Written) = (null, null, null);
        (_attemptSince, _lastError, _nextAttempt, _attempt) = (null, null, null, 0);
    }

    /// <summary>Runs the step on a thread of the pool.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        if (_context is null)
        {
            _ = RunAsync();
        }
        else
        {
            ExecutionContext.Run(_context, static step => _ = ((StepInFlight)step!).RunAsync(), this);
        }
    }

    private Task RunAsync() => runner.RunAsync(this);

    public int BeginAttempt(DateTimeOffset now)
    {
        lock (_lock)
        {
            _attemptSince = now;
            _nextAttempt = null;
            return ++_attempt;
        }
    }

    public void RecordFailure(Exception exception)
    {
        lock (_lock)
        {
            _lastError = exception;
            _attemptSince = null;
        }
    }

    /// <summary>Records that the next attempt follows.</summary>
    /// <param name="nextAttempt">The time of the next attempt.</param>
    /// <param name="failure">The failure of the last one, as its policy sees it: the time limit in place of the cancellation that it caused.</param>
    public void RecordDelay(DateTimeOffset nextAttempt, Exception failure)
    {
        lock (_lock)
        {
            _lastError = failure;
            _nextAttempt = nextAttempt;
        }
    }

    /// <summary>Records that no attempt follows.</summary>
    public void EndWait()
    {
        lock (_lock)
        {
            _nextAttempt = null;
        }
    }

    /// <summary>Creates the account of the step for operators.</summary>
    /// <param name="nodeName">The name of its node.</param>
    public StepInProgress ToProgress(string nodeName)
    {
        lock (_lock)
        {
            return new StepInProgress(nodeName, IsUndo, Math.Max(1, _attempt), _since) // an attempt that is queued in the thread pool counts as begun
            {
                AttemptSince = _attemptSince,
                LastError = _lastError is null ? null : SagaErrors.Brief(_lastError).ToString(),
                NextAttempt = _nextAttempt,
            };
        }
    }
}
