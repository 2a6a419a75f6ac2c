using Microsoft.Extensions.Logging;
using SagaRecovery.AspNetCore.Diagnostics;
using SagaRecovery.Operations;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>The view of payloads that one caller has: none, all, or what the redactor of the service leaves of them.</summary>
internal sealed class PayloadView : ISagaRedactor
{
    /// <summary>The text in place of a payload that the caller does not see.</summary>
    public const string Marker = "(hidden)";

    private readonly Func<SagaPayload, string>? _show;

    private PayloadView(Func<SagaPayload, string>? show) => _show = show;

    /// <summary>The view without payloads.</summary>
    public static PayloadView Hidden { get; } = new(_ => Marker);

    /// <summary>True if payloads are shown as they are.</summary>
    public bool ShowsAll => _show is null;

    /// <summary>Creates the view of a caller who may see payloads.</summary>
    /// <param name="redactor">The redactor of the service; null for none.</param>
    /// <param name="logger">The logger for a redactor that throws.</param>
    public static PayloadView Through(ISagaRedactor? redactor, ILogger logger) => redactor is null ? new PayloadView(null) : new PayloadView(payload =>
    {
        try
        {
            return redactor.Redact(payload) ?? Marker; // code without nullable annotations may return null
        }
        catch (Exception exception) // code of the service: what it cannot redact must not be shown
        {
            Log.RedactorFailed(logger, payload.Kind, payload.SagaName, exception);
            return Marker;
        }
    });

    public string Redact(SagaPayload payload) => _show?.Invoke(payload) ?? payload.Text;

    /// <summary>Returns an error as the caller may see it.</summary>
    public string Error(string saga, string? node, string error) => Redact(new SagaPayload(saga, node, SagaPayloadKind.Error, error));
}
