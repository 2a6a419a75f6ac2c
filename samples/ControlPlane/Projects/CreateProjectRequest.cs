using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace ControlPlane.Projects;

/// <summary>The body of <c>POST /v1/projects</c>.</summary>
internal sealed partial class CreateProjectRequest
{
    private const int LongestDescription = 512;

    public string? Name { get; init; }

    public string? Description { get; init; }

    /// <summary>Members that are not known: an error, for they are most often typing mistakes.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement> Unknown { get; init; } = [];

    /// <summary>What is wrong with it, by member; empty: nothing.</summary>
    public Dictionary<string, string[]> Errors()
    {
        Dictionary<string, string[]> errors = new(StringComparer.Ordinal);
        if (Name is null)
        {
            errors["name"] = ["is missing"];
        }
        else if (!IsName(Name))
        {
            errors["name"] = ["must be 1 to 63 lower-case letters, digits and hyphens, and begin with a letter"];
        }

        if (Description is { Length: > LongestDescription })
        {
            errors["description"] = [$"must not be longer than {LongestDescription} characters (was {Description.Length})"];
        }
        else if (Description?.Any(char.IsControl) == true)
        {
            errors["description"] = ["must not hold control characters"];
        }

        foreach (string member in Unknown.Keys)
        {
            errors[member] = ["is not known"];
        }

        return errors;
    }

    /// <summary>Whether a project can be called so.</summary>
    public static bool IsName(string text) => NameRule().IsMatch(text);

    [GeneratedRegex(@"\A[a-z][a-z0-9-]{0,62}\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NameRule();
}
