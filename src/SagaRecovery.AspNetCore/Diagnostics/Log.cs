using Microsoft.Extensions.Logging;
using SagaRecovery.Operations;

namespace SagaRecovery.AspNetCore.Diagnostics;

/// <summary>The log messages of the endpoints. Event ids are stable and never reused. Recovery itself logs operator actions.</summary>
internal static partial class Log
{
    [LoggerMessage(200, LogLevel.Debug, "responded with 503: {Detail}")]
    public static partial void ServiceUnavailable(ILogger logger, string detail, Exception exception);

    [LoggerMessage(201, LogLevel.Warning, "responded with 500: {Detail}")]
    public static partial void Failed(ILogger logger, string detail, Exception exception);

    [LoggerMessage(202, LogLevel.Error, "the redactor threw, so a payload is hidden ({Kind} of saga '{Name}')")]
    public static partial void RedactorFailed(ILogger logger, SagaPayloadKind kind, string name, Exception exception);
}
