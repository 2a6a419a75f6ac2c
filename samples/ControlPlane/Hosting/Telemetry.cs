using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using SagaRecovery;

namespace ControlPlane.Hosting;

/// <summary>
/// Exposes metrics to Prometheus at <c>/metrics</c>, and sends metrics and traces to a collector if <c>OTEL_EXPORTER_OTLP_ENDPOINT</c>
/// names one.
/// </summary>
internal static class Telemetry
{
    private const string CollectorSetting = "OTEL_EXPORTER_OTLP_ENDPOINT";

    public static void AddTelemetry(this WebApplicationBuilder builder)
    {
        bool hasCollector = !string.IsNullOrEmpty(builder.Configuration[CollectorSetting]);
        builder.Services.AddOpenTelemetry()
            .WithMetrics(metrics =>
            {
                metrics.AddMeter(SagaRecoveryTelemetry.MeterName).AddPrometheusExporter();
                if (hasCollector)
                {
                    metrics.AddOtlpExporter();
                }
            })
            .WithTracing(traces =>
            {
                if (hasCollector)
                {
                    traces.AddSource(SagaRecoveryTelemetry.ActivitySourceName).AddOtlpExporter();
                }
            });
    }

    public static void MapTelemetry(this WebApplication app) => app.MapPrometheusScrapingEndpoint("/metrics");
}
