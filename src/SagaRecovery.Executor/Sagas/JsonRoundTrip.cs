using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace SagaRecovery;

/// <summary>
/// Finds values that would come back changed from the log. Parameters and outputs are stored as JSON, and System.Text.Json leaves out what it
/// does not know, in silence.
/// </summary>
internal static class JsonRoundTrip
{
    /// <summary>Returns true if a text is JSON, and otherwise the reason why it is not.</summary>
    public static bool IsJson(ReadOnlySpan<byte> text, out string? malformed)
    {
        malformed = null;
        var reader = new Utf8JsonReader(text);
        try
        {
            while (reader.Read())
            {
            }

            return true;
        }
        catch (JsonException e)
        {
            malformed = e.Message;
            return false;
        }
    }

    /// <summary>Returns the reason why values of a type do not survive, as a clause; null if none is known.</summary>
    public static string? FindMistake(Type type, JsonSerializerOptions json) => FindMistake(type, json, []);

    /// <summary>Returns the reason why a value does not survive, as a clause; null if it does.</summary>
    /// <param name="value">The value.</param>
    /// <param name="written">Its JSON in UTF-8.</param>
    /// <param name="json">The options with which it was written.</param>
    [SuppressMessage("Design", "CA1031", Justification = "Serialization runs code of the user's types.")]
    public static string? FindMistake<T>(T value, ReadOnlySpan<byte> written, JsonSerializerOptions json)
    {
        try
        {
            if (typeof(T) == typeof(string) && value is string text && IsWrittenAs(text, written, json))
            {
                return null; // what most strings need, and without a second one
            }

            T? read = JsonSerializer.Deserialize(written, json.TypeInfo<T>());
            byte[] again = JsonSerializer.SerializeToUtf8Bytes(read!, json.TypeInfo<T>());
            if (!written.SequenceEqual(again) && !HaveSameValue(written, again))
            {
                return $"it is read back from JSON as another value of {typeof(T)}";
            }

            if (value is null || value.GetType() == typeof(T))
            {
                return null; // the type was examined when the host started
            }

            return IsCut(value, written, json) ? $"it is a {value.GetType()}, and only its part of {typeof(T)} is written to JSON"
                : typeof(T) == typeof(object) ? FindMistake(value.GetType(), json) // the type of the value decides on its JSON
                : null;
        }
        catch (Exception e)
        {
            return $"its JSON cannot be read back as {typeof(T)}: {e.Message}";
        }
    }

    /// <summary>Returns true if a JSON text is just this string, as the serializer reads it unless the options have a converter of their own.</summary>
    private static bool IsWrittenAs(string text, ReadOnlySpan<byte> written, JsonSerializerOptions json)
    {
        var reader = new Utf8JsonReader(written);
        return json.TypeInfo<string>().Converter.GetType().Assembly == typeof(JsonSerializer).Assembly
            && reader.Read() && reader.TokenType is JsonTokenType.String && reader.ValueTextEquals(text);
    }

    private static bool HaveSameValue(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other)
    {
        var first = new Utf8JsonReader(one);
        var second = new Utf8JsonReader(other);
        using JsonDocument left = JsonDocument.ParseValue(ref first);
        using JsonDocument right = JsonDocument.ParseValue(ref second);
        return JsonElement.DeepEquals(left.RootElement, right.RootElement);
    }

    /// <summary>Returns true if a value of a derived type has members that its declared type lacks.</summary>
    private static bool IsCut<T>(T value, ReadOnlySpan<byte> written, JsonSerializerOptions json) =>
        json.TypeInfo<T>() is { Kind: JsonTypeInfoKind.Object, PolymorphismOptions: null }
        && !HaveSameValue(written, JsonSerializer.SerializeToUtf8Bytes(value, json.TypeInfo(value!.GetType())));

    [SuppressMessage("Design", "CA1031", Justification = "The resolver runs code of the user's types and attributes.")]
    private static string? FindMistake(Type type, JsonSerializerOptions json, HashSet<Type> seen)
    {
        if (!seen.Add(type))
        {
            return null;
        }

        JsonTypeInfo info;
        try
        {
            info = json.TypeInfo(type);
        }
        catch (Exception e)
        {
            return e.Message;
        }

        return info.Kind switch
        {
            JsonTypeInfoKind.Object => FindMistakeOfObject(info, json, seen),
            JsonTypeInfoKind.Enumerable or JsonTypeInfoKind.Dictionary when info.ElementType is { } element => FindMistake(element, json, seen),
            _ => null,
        };
    }

    [UnconditionalSuppressMessage("Trimming", "IL2075", Justification = "A field without metadata is not examined: fewer mistakes are found, and no false one.")]
    private static string? FindMistakeOfObject(JsonTypeInfo info, JsonSerializerOptions json, HashSet<Type> seen)
    {
        foreach (FieldInfo field in info.Type.GetFields(BindingFlags.Public | BindingFlags.Instance))
        {
            bool isWritten = info.Properties.Any(property => property.AttributeProvider is FieldInfo known && known == field);
            if (!isWritten && field.GetCustomAttribute<JsonIgnoreAttribute>() is null)
            {
                return $"field {field.Name} of {info.Type} is not written to JSON: use a record with properties, or set IncludeFields";
            }
        }

        return info.Properties.Select(property => FindMistake(property.PropertyType, json, seen)).FirstOrDefault(mistake => mistake is not null);
    }
}
