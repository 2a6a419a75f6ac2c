using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace SagaRecovery;

/// <summary>
/// Finds the JSON contracts of the types of sagas. They come from the resolver of the options: generated code where it knows the type, and
/// reflection where the program has it.
/// </summary>
internal static class JsonContracts
{
    /// <summary>The default options of the executor, for readers that have none.</summary>
    public static JsonSerializerOptions Web { get; } = new(JsonSerializerDefaults.Web);

    /// <exception cref="NotSupportedException">The options have no contract for the type.</exception>
    public static JsonTypeInfo<T> TypeInfo<T>(this JsonSerializerOptions json) => (JsonTypeInfo<T>)json.TypeInfo(typeof(T));

    /// <inheritdoc cref="TypeInfo{T}"/>
    public static JsonTypeInfo TypeInfo(this JsonSerializerOptions json, Type type)
    {
        if (!json.IsReadOnly)
        {
            Complete(json);
        }

        return json.TryGetTypeInfo(type, out JsonTypeInfo? contract) ? contract : throw new NotSupportedException(
            $"{type} has no JSON contract: add [JsonSerializable(typeof({NameOf(type)}))] to a {nameof(JsonSerializerContext)}, and its Default to "
            + $"{nameof(DurableExecutorOptions)}.{nameof(DurableExecutorOptions.Json)}.{nameof(JsonSerializerOptions.TypeInfoResolverChain)}");
    }

    /// <summary>Completes options as their first use would: reflection serves options without a resolver, if the program has it.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Only where JsonSerializer.IsReflectionEnabledByDefault, which a trimmed program has not.")]
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Only where JsonSerializer.IsReflectionEnabledByDefault, which an AOT program has not.")]
    private static void Complete(JsonSerializerOptions json)
    {
        if (json.TypeInfoResolver is null && !JsonSerializer.IsReflectionEnabledByDefault)
        {
            json.TypeInfoResolver = JsonTypeInfoResolver.Combine(); // it knows no type, and each one that is missing is named
        }

        json.MakeReadOnly(populateMissingResolver: JsonSerializer.IsReflectionEnabledByDefault);
    }

    /// <summary>Returns the name of a type as C# has it, except for the arguments of a generic one.</summary>
    private static string NameOf(Type type) => type.IsGenericType ? $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>" : type.Name;
}
