using Microsoft.Extensions.Logging;

namespace SagaRecovery.AspNetCore.Diagnostics;

/// <summary>Every line that the endpoints log. Event ids are stable and never reused. Levers that are pulled are logged by recovery itself.</summary>
internal static partial class Log
{
    [LoggerMessage(200, LogLevel.Debug, "answered 503: {Detail}")]
    public static partial void NotNow(ILogger logger, string detail, Exception why);
}
