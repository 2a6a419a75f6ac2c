using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace ControlPlane.Projects;

/// <summary>The body of <c>POST /v1/projects</c>.</summary>
internal sealed partial class CreateProjectRequest
{
    private const int LongestDescription = 512;
    private const int MostZones = 16;

    public string? Name { get; init; }

    public string? Description { get; init; }

    /// <summary>The zones of the project, which get a subnet each.</summary>
    public IReadOnlyList<string?>? Zones { get; init; }

    /// <summary>Unknown members. They are rejected, because most are typing errors.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement> Unknown { get; init; } = [];

    /// <summary>Validates the request and returns the errors by member.</summary>
    public Dictionary<string, string[]> Validate()
    {
        Dictionary<string, string[]> errors = new(StringComparer.Ordinal);
        if (Name is null)
        {
            errors["name"] = ["is missing"];
        }
        else if (!IsName(Name))
        {
            errors["name"] = ["must be 1 to 63 lowercase letters, digits and hyphens, and start with a letter"];
        }

        if (Description is { Length: > LongestDescription })
        {
            errors["description"] = [$"must not be longer than {LongestDescription} characters (was {Description.Length})"];
        }
        else if (Description?.Any(char.IsControl) == true)
        {
            errors["description"] = ["must not contain control characters"];
        }

        if (Zones is not null && (Zones.Count > MostZones || Zones.Any(zone => zone is null or Subnet.Default || !IsName(zone)) || Zones.Distinct().Count() < Zones.Count))
        {
            errors["zones"] = [$"must be at most {MostZones} different names as of a project, and not '{Subnet.Default}'"];
        }

        foreach (string member in Unknown.Keys)
        {
            errors[member] = ["is unknown"];
        }

        return errors;
    }

    /// <summary>Returns true if the text is a valid project name.</summary>
    public static bool IsName(string text) => NameRule().IsMatch(text);

    [GeneratedRegex(@"\A[a-z][a-z0-9-]{0,62}\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NameRule();
}
