using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace SagaRecovery;

/// <summary>Refuses a duration that is configured as a bare number: <c>5</c> would silently mean five days.</summary>
/// <typeparam name="TOptions">The type of the options.</typeparam>
/// <param name="configuration">The configuration of the host, if it has one.</param>
/// <param name="sectionName">The section that the options are bound from.</param>
internal sealed class DurationFormatValidator<TOptions>(IConfiguration? configuration, string sectionName) : IValidateOptions<TOptions>
    where TOptions : class
{
    public ValidateOptionsResult Validate(string? name, TOptions options)
    {
        var problems = new ValidateOptionsResultBuilder();
        foreach (IConfigurationSection setting in configuration is null ? [] : Durations(configuration.GetSection(sectionName), typeof(TOptions)))
        {
            if (int.TryParse(setting.Value, NumberStyles.Integer, CultureInfo.InvariantCulture, out int number) && number != 0)
            {
                problems.AddError(
                    $"{setting.Path} is '{setting.Value}', which .NET reads as {number} days. Write hours, minutes and seconds, such as 00:00:05, "
                    + $"or {number}.00:00:00 if you mean days");
            }
        }

        return problems.Build();
    }

    /// <summary>Returns the settings of a section that are bound to a duration, or to one in a dictionary.</summary>
    private static IEnumerable<IConfigurationSection> Durations(IConfigurationSection section, Type type) =>
        type == typeof(TimeSpan) || type == typeof(TimeSpan?) ? [section]
        : type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Dictionary<,>)
            ? section.GetChildren().SelectMany(entry => Durations(entry, type.GetGenericArguments()[1]))
        : type.Assembly == typeof(TOptions).Assembly
            ? type.GetProperties(BindingFlags.Public | BindingFlags.Instance).SelectMany(property => Durations(section.GetSection(property.Name), property.PropertyType))
        : [];
}
