using System.Text.Json;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Results;

/// <summary>Finds how a saga that exists differs from one that is to be started under its id.</summary>
internal static class StartDifference
{
    private const int MaxPaths = 5;

    /// <summary>Returns the difference as a clause; null if there is none. It names members of the parameters, never their values.</summary>
    /// <remarks>
    /// The version does not count: a caller that repeats its start may meet a process with a newer one. The stored parameters are compared as
    /// this binary would write them, since a member that their type has gained is absent from the older JSON.
    /// </remarks>
    public static string? Find<TParameters>(SavedSaga existing, string name, TParameters parameters, JsonSerializerOptions json)
    {
        if (existing.Name != name)
        {
            return $"it was started as '{existing.Name}', not as '{name}'";
        }

        JsonElement requested = JsonSerializer.SerializeToElement(parameters, json.TypeInfo<TParameters>());
        JsonElement stored = Read<TParameters>(existing.Parameters, json);
        if (JsonElement.DeepEquals(stored, requested))
        {
            return null;
        }

        List<string> members = [];
        Compare(stored, requested, "$", members);
        return $"its parameters differ in {string.Join(", ", members.Take(MaxPaths))}{(members.Count > MaxPaths ? ", and more" : "")}";
    }

    private static JsonElement Read<TParameters>(ReadOnlyMemory<byte> stored, JsonSerializerOptions json)
    {
        try
        {
            return JsonSerializer.SerializeToElement(JsonSerializer.Deserialize(stored.Span, json.TypeInfo<TParameters>())!, json.TypeInfo<TParameters>());
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or ArgumentException or InvalidOperationException)
        {
            return JsonDocument.Parse(stored, new JsonDocumentOptions { MaxDepth = json.MaxDepth }).RootElement.Clone();
        }
    }

    private static void Compare(JsonElement one, JsonElement other, string path, List<string> paths)
    {
        if (paths.Count > MaxPaths || (one.ValueKind == other.ValueKind && JsonElement.DeepEquals(one, other)))
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
            foreach ((int i, (JsonElement first, JsonElement second)) in one.EnumerateArray().Zip(other.EnumerateArray()).Index())
            {
                Compare(first, second, $"{path}[{i}]", paths);
            }
        }
        else
        {
            paths.Add(path);
        }
    }

    private static JsonElement MemberOf(JsonElement element, string name) => element.TryGetProperty(name, out JsonElement member) ? member : default;
}
