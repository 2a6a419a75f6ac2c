using Serilog.Core;
using Serilog.Events;

namespace ControlPlane.Hosting;

/// <summary>Gives each line of the log the last word of where it comes from, <c>RecoveryPass</c>, since the whole takes half a line.</summary>
internal sealed class ShortSource : ILogEventEnricher
{
    public void Enrich(LogEvent logEvent, ILogEventPropertyFactory propertyFactory)
    {
        string whole = logEvent.Properties.GetValueOrDefault(Constants.SourceContextPropertyName) is ScalarValue { Value: string name } ? name : "";
        logEvent.AddPropertyIfAbsent(propertyFactory.CreateProperty("Source", whole[(whole.LastIndexOf('.') + 1)..]));
    }
}
