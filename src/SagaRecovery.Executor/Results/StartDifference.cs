using System.Text.Json;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Results;

/// <summary>Finds how a saga that exists differs from one that is to be started under its id.</summary>
internal static class StartDifference
{
    private const int MaxPaths = 5;

    /// <summary>Returns the difference as a clause; null if there is none. It names members of the parameters, never their values.</summary>
    public static string? Find(SavedSaga existing, SagaDefinition definition, ReadOnlyMemory<byte> parameters)
    {
        SavedDefinition saved = definition.Saved;
        if (existing.Name != saved.Name || existing.Definition.Version != saved.Version)
        {
            return $"it was started as '{existing.Name}' version {existing.Definition.Version}, not as {definition}";
        }

        if (FindDifferentMembers(existing.Parameters, parameters) is { Count: > 0 } members)
        {
            string more = members.Count > MaxPaths ? ", and more" : "";
            return $"its parameters differ in {string.Join(", ", members.Take(MaxPaths))}{more}";
        }

        return existing.Definition.Hash == saved.Hash
            ? null
            : $"it was started with other nodes: {ShapeDifference.Describe(existing.Definition.Dag, definition.Shape)}";
    }

    private static List<string> FindDifferentMembers(ReadOnlyMemory<byte> one, ReadOnlyMemory<byte> other)
    {
        using JsonDocument left = JsonDocument.Parse(one);
        using JsonDocument right = JsonDocument.Parse(other);
        List<string> paths = [];
        Compare(left.RootElement, right.RootElement, "$", paths);
        return paths;
    }

    private static void Compare(JsonElement one, JsonElement other, string path, List<string> paths)
    {
        if (paths.Count > MaxPaths)
        {
            return;
        }

        if (one.ValueKind == JsonValueKind.Object && other.ValueKind == JsonValueKind.Object)
        {
            foreach (string name in one.EnumerateObject().Concat(other.EnumerateObject()).Select(member => member.Name).Distinct())
            {
                Compare(MemberOf(one, name), MemberOf(other, name), $"{path}.{name}", paths);
            }
        }
        else if (one.ValueKind == JsonValueKind.Array && other.ValueKind == JsonValueKind.Array && one.GetArrayLength() == other.GetArrayLength())
        {
            for (int i = 0; i < one.GetArrayLength(); i++)
            {
                Compare(one[i], other[i], $"{path}[{i}]", paths);
            }
        }
        else if (one.ValueKind != other.ValueKind || (one.ValueKind != JsonValueKind.Undefined && !JsonElement.DeepEquals(one, other)))
        {
            paths.Add(path);
        }
    }

    private static JsonElement MemberOf(JsonElement element, string name) => element.TryGetProperty(name, out JsonElement member) ? member : default;
}
