using Microsoft.Extensions.Logging;
using SagaRecovery.Fencing;

namespace SagaRecovery.Executor.Diagnostics;

/// <summary>Every line that the executor logs. Event ids are stable and never reused; the executor has those from 100 to 199.</summary>
internal static partial class Log
{
    [LoggerMessage(100, LogLevel.Information, "started saga {SagaId} ({SagaName})")]
    public static partial void Started(ILogger logger, SagaId sagaId, string sagaName);

    [LoggerMessage(101, LogLevel.Information, "resumed saga {SagaId} ({SagaName}) at generation {Generation}; {Events} events stand in its log")]
    public static partial void Resumed(ILogger logger, SagaId sagaId, string sagaName, AdoptGeneration generation, int events);

    [LoggerMessage(102, LogLevel.Information, "saga {SagaId} ({SagaName}) has succeeded")]
    public static partial void Succeeded(ILogger logger, SagaId sagaId, string sagaName);

    [LoggerMessage(103, LogLevel.Warning, "saga {SagaId} ({SagaName}) is unwinding: node {Node} failed with {Error}")]
    public static partial void Unwinding(ILogger logger, SagaId sagaId, string sagaName, string node, SagaError error);

    [LoggerMessage(104, LogLevel.Information, "saga {SagaId} ({SagaName}) is unwound: node {Node} had failed")]
    public static partial void Unwound(ILogger logger, SagaId sagaId, string sagaName, string node);

    [LoggerMessage(105, LogLevel.Error, "saga {SagaId} ({SagaName}) is stuck, an operator has to look: the undo of node {Node} failed with {Error}")]
    public static partial void Stuck(ILogger logger, SagaId sagaId, string sagaName, string node, SagaError error);

    [LoggerMessage(106, LogLevel.Warning, "saga {SagaId} ({SagaName}) is fenced: it is not ours at generation {Generation} any more; its run stops")]
    public static partial void Fenced(ILogger logger, SagaId sagaId, string sagaName, AdoptGeneration generation);

    [LoggerMessage(107, LogLevel.Error, "gave up the run of saga {SagaId} ({SagaName}); recovery tries it again")]
    public static partial void RunInterrupted(ILogger logger, Exception exception, SagaId sagaId, string sagaName);

    [LoggerMessage(108, LogLevel.Information, "interrupted saga {SagaId} ({SagaName}): {Reason}")]
    public static partial void Interrupted(ILogger logger, SagaId sagaId, string sagaName, string reason);

    [LoggerMessage(109, LogLevel.Error, "writing the saga log fails; sagas stand still until it works again, the write is tried again and again")]
    public static partial void WritesFailing(ILogger logger, Exception exception);

    [LoggerMessage(110, LogLevel.Information, "writing the saga log works again, after {Duration}")]
    public static partial void WritesRecovered(ILogger logger, TimeSpan duration);

    [LoggerMessage(111, LogLevel.Information, "{Count} saga definitions are registered; at most {MaxRunningSagas} sagas run at once")]
    public static partial void Ready(ILogger logger, int count, int maxRunningSagas);

    [LoggerMessage(112, LogLevel.Warning, "shutdown ran out of time while the actions of {Count} sagas were still under way; they are carried on elsewhere or later")]
    public static partial void ShutdownTimedOut(ILogger logger, int count);

    [LoggerMessage(113, LogLevel.Warning, "an action of saga {SagaId} ({SagaName}) threw when it was told to stop")]
    public static partial void CancellationCallbackFailed(ILogger logger, Exception exception, SagaId sagaId, string sagaName);

    [LoggerMessage(114, LogLevel.Warning, "the run of saga {SagaId} ({SagaName}) stops: {Reason}")]
    public static partial void NotRestored(ILogger logger, SagaId sagaId, string sagaName, string reason);

}
