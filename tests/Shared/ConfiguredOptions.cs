using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Tests.Shared;

/// <summary>Compares options classes with the code that reads them from the configuration without reflection.</summary>
internal static class ConfiguredOptions
{
    /// <summary>Configures each property with another value than its default.</summary>
    /// <param name="section">The section of the options.</param>
    /// <param name="register">Registers the options.</param>
    /// <param name="setInCode">The properties that are not read from the configuration.</param>
    /// <returns>The properties that have kept their defaults.</returns>
    public static IReadOnlyList<string> FindUnread<TOptions>(string section, Action<IServiceCollection> register, params string[] setInCode)
        where TOptions : class, new()
    {
        PropertyInfo[] properties = [.. typeof(TOptions).GetProperties().Where(property => property.CanWrite && !setInCode.Contains(property.Name))];
        TOptions defaults = new();
        Dictionary<string, string?> settings = properties.ToDictionary(
            property => $"{section}:{property.Name}", string? (property) => Other(property.GetValue(defaults), property.PropertyType));
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(settings).Build());
        register(services);
        using ServiceProvider provider = services.BuildServiceProvider();
        TOptions options = new();
        foreach (IConfigureOptions<TOptions> configure in provider.GetServices<IConfigureOptions<TOptions>>()) // without validation
        {
            configure.Configure(options);
        }

        return [.. properties.Where(property => Equals(property.GetValue(options), property.GetValue(defaults))).Select(property => property.Name)];
    }

    /// <summary>Returns the settings of an options class that are durations, as its list has them.</summary>
    public static IEnumerable<string> DurationsOf(Type type) => type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .SelectMany(property => PathsOf(property.PropertyType).Select(path => $"{property.Name}{path}"));

    private static IEnumerable<string> PathsOf(Type type) =>
        type == typeof(TimeSpan) || type == typeof(TimeSpan?) ? [""]
        : type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Dictionary<,>) ? PathsOf(type.GetGenericArguments()[1]).Select(path => $":*{path}")
        : type.Namespace!.StartsWith(nameof(SagaRecovery), StringComparison.Ordinal) ? DurationsOf(type).Select(path => $":{path}")
        : [];

    private static string Other(object? value, Type type) => value switch
    {
        int number => (number + 1).ToString(CultureInfo.InvariantCulture),
        bool isSet => (!isSet).ToString(),
        TimeSpan time => (time + TimeSpan.FromSeconds(1)).ToString("c", CultureInfo.InvariantCulture),
        null when type == typeof(TimeSpan?) => "00:00:01",
        _ => "other",
    };
}
