using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace SagaRecovery;

/// <summary>Refuses a duration that is configured as a bare number: <c>5</c> would silently mean five days.</summary>
/// <typeparam name="TOptions">The type of the options.</typeparam>
/// <param name="configuration">The configuration of the host, if it has one.</param>
/// <param name="sectionName">The section that the options are bound from.</param>
/// <param name="durations">The settings of the section that are durations. An asterisk stands for each entry of a dictionary: <c>ByDefinition:*</c>.</param>
internal sealed class DurationFormatValidator<TOptions>(IConfiguration? configuration, string sectionName, IReadOnlyList<string> durations)
    : IValidateOptions<TOptions>
    where TOptions : class
{
    public ValidateOptionsResult Validate(string? name, TOptions options)
    {
        var problems = new ValidateOptionsResultBuilder();
        IConfigurationSection? section = configuration?.GetSection(sectionName);
        foreach (IConfigurationSection setting in section is null ? [] : durations.SelectMany(path => Find(section, path.Split(':'))))
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

    private static IEnumerable<IConfigurationSection> Find(IConfigurationSection section, ReadOnlyMemory<string> path) =>
        path.IsEmpty ? [section]
        : path.Span[0] == "*" ? section.GetChildren().SelectMany(entry => Find(entry, path[1..]))
        : Find(section.GetSection(path.Span[0]), path[1..]);
}
