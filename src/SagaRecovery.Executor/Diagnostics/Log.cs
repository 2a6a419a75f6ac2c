using Microsoft.Extensions.Logging;
using SagaRecovery.Fencing;

namespace SagaRecovery.Executor.Diagnostics;

/// <summary>The log messages of the executor. Event ids are stable and never reused. The executor has the range 100 to 199.</summary>
internal static partial class Log
{
    [LoggerMessage(100, LogLevel.Information, "started saga {SagaId} ({SagaName})")]
    public static partial void Started(ILogger logger, SagaId sagaId, string sagaName);

    [LoggerMessage(101, LogLevel.Information, "resumed saga {SagaId} ({SagaName}) at generation {Generation}; events in its log: {Events}")]
    public static partial void Resumed(ILogger logger, SagaId sagaId, string sagaName, AdoptGeneration generation, int events);

    [LoggerMessage(102, LogLevel.Information, "saga {SagaId} ({SagaName}) succeeded")]
    public static partial void Succeeded(ILogger logger, SagaId sagaId, string sagaName);

    [LoggerMessage(103, LogLevel.Warning, "saga {SagaId} ({SagaName}) is unwinding: node {Node} failed with {Error}")]
    public static partial void Unwinding(ILogger logger, SagaId sagaId, string sagaName, string node, SagaError error);

    [LoggerMessage(104, LogLevel.Information, "saga {SagaId} ({SagaName}) is unwound after node {Node} failed")]
    public static partial void Unwound(ILogger logger, SagaId sagaId, string sagaName, string node);

    [LoggerMessage(105, LogLevel.Error, "saga {SagaId} ({SagaName}) is stuck and needs an operator: the undo of node {Node} failed with {Error}")]
    public static partial void Stuck(ILogger logger, SagaId sagaId, string sagaName, string node, SagaError error);

    [LoggerMessage(106, LogLevel.Warning, "saga {SagaId} ({SagaName}) is fenced: this process no longer owns it at generation {Generation}; its run stops")]
    public static partial void Fenced(ILogger logger, SagaId sagaId, string sagaName, AdoptGeneration generation);

    [LoggerMessage(107, LogLevel.Error, "the run of saga {SagaId} ({SagaName}) failed and was interrupted; recovery resumes the saga")]
    public static partial void RunInterrupted(ILogger logger, Exception exception, SagaId sagaId, string sagaName);

    [LoggerMessage(108, LogLevel.Information, "interrupted saga {SagaId} ({SagaName}): {Reason}")]
    public static partial void Interrupted(ILogger logger, SagaId sagaId, string sagaName, string reason);

    [LoggerMessage(109, LogLevel.Error, "cannot write to the saga log; sagas wait, and the write is retried until it succeeds")]
    public static partial void WritesFailing(ILogger logger, Exception exception);

    [LoggerMessage(110, LogLevel.Information, "writes to the saga log succeed again after {Duration}")]
    public static partial void WritesRecovered(ILogger logger, TimeSpan duration);

    [LoggerMessage(111, LogLevel.Information, "saga definitions registered: {Count}; sagas that may run at once: {MaxRunningSagas}")]
    public static partial void Ready(ILogger logger, int count, int maxRunningSagas);

    [LoggerMessage(112, LogLevel.Warning, "shutdown timed out; runs that had not ended: {Count}; recovery resumes these sagas: {Sagas}")]
    public static partial void ShutdownTimedOut(ILogger logger, int count, string sagas);

    [LoggerMessage(113, LogLevel.Warning, "an action of saga {SagaId} ({SagaName}) threw from a cancellation callback")]
    public static partial void CancellationCallbackFailed(ILogger logger, Exception exception, SagaId sagaId, string sagaName);

    [LoggerMessage(121, LogLevel.Warning, "a service of a step of saga {SagaId} ({SagaName}) threw when its scope was disposed; the result of the step stands")]
    public static partial void ScopeDisposeFailed(ILogger logger, Exception exception, SagaId sagaId, string sagaName);

    [LoggerMessage(114, LogLevel.Warning, "the run of saga {SagaId} ({SagaName}) stops: {Reason}")]
    public static partial void NotRestored(ILogger logger, SagaId sagaId, string sagaName, string reason);

    [LoggerMessage(115, LogLevel.Warning, "the {Step} of node {Node} failed with {Error}; it is retried, first after {Delay}: saga {SagaId} ({SagaName})")]
    public static partial void StepRetrying(ILogger logger, SagaId sagaId, string sagaName, string node, string step, SagaError error, string delay);

    [LoggerMessage(116, LogLevel.Debug, "attempt {Attempt} of the {Step} of node {Node} failed; the next one follows after {Delay}: saga {SagaId}")]
    public static partial void StepRetryDetails(ILogger logger, Exception exception, SagaId sagaId, string node, string step, int attempt, string delay);

    [LoggerMessage(117, LogLevel.Warning, "the {Step} of node {Node} failed at attempt {Attempts}: {Message}: saga {SagaId} ({SagaName})")]
    public static partial void StepFailed(
        ILogger logger, Exception exception, SagaId sagaId, string sagaName, string node, string step, int attempts, string message);

    [LoggerMessage(118, LogLevel.Warning, "saga {SagaId} ({SagaName}) is unwinding: it was cancelled ({Actor}: {Reason})")]
    public static partial void Cancelling(ILogger logger, SagaId sagaId, string sagaName, string actor, string reason);

    [LoggerMessage(119, LogLevel.Information, "saga {SagaId} ({SagaName}) is unwound after it was cancelled ({Actor}: {Reason})")]
    public static partial void Cancelled(ILogger logger, SagaId sagaId, string sagaName, string actor, string reason);

    [LoggerMessage(120, LogLevel.Error,
        "a stopped run of saga {SagaId} ({SagaName}) does not end: {Steps} ignored the cancellation for {Timeout}; its slot is free, and this "
        + "process runs the saga again only after that step has ended, or an operator has ended it (inject-error, skip-undo)")]
    public static partial void StepsHang(ILogger logger, SagaId sagaId, string sagaName, string steps, TimeSpan timeout);

    [LoggerMessage(123, LogLevel.Warning, "the results of sagas cannot be read; sagas that are awaited: {Count}; the query is retried")]
    public static partial void ResultsUnavailable(ILogger logger, Exception exception, int count);

    [LoggerMessage(122, LogLevel.Error, "ShouldHandle of the {Step} of node {Node} threw, so the failure is not retried: saga {SagaId} ({SagaName})")]
    public static partial void PredicateFailed(ILogger logger, Exception exception, SagaId sagaId, string sagaName, string node, string step);
}
