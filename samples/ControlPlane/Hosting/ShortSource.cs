using Serilog.Core;
using Serilog.Events;

namespace ControlPlane.Hosting;

/// <summary>Adds the class name of the log source without its namespace, to keep log lines short.</summary>
internal sealed class ShortSource : ILogEventEnricher
{
    public void Enrich(LogEvent logEvent, ILogEventPropertyFactory propertyFactory)
    {
        string fullName = logEvent.Properties.GetValueOrDefault(Constants.SourceContextPropertyName) is ScalarValue { Value: string name } ? name : "";
        logEvent.AddPropertyIfAbsent(propertyFactory.CreateProperty("Source", fullName[(fullName.LastIndexOf('.') + 1)..]));
    }
}
