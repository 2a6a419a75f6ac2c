using Microsoft.Extensions.Logging;

namespace SagaRecovery.Diagnostics;

/// <summary>Every line that recovery logs. Event ids are stable and never reused; counting lines by id gives the report's totals.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "joined as coordinator {CoordinatorId}, incarnation {Incarnation}")]
    public static partial void Joined(ILogger logger, CoordinatorId coordinatorId, Incarnation incarnation);

    [LoggerMessage(2, LogLevel.Critical, "fenced: coordinator {CoordinatorId} is run by incarnation {FencedBy} now, this process is {Incarnation}; it stops its sagas and takes no new work")]
    public static partial void Fenced(ILogger logger, CoordinatorId coordinatorId, Incarnation incarnation, Incarnation fencedBy);
}
