using System.Text.Json;
using System.Text.Json.Serialization;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>The JSON serialization of reports, and of the requests and responses of operators.</summary>
/// <remarks>
/// Property names are in camel case, enums are names, ids are strings, and durations have the form <c>[d.]hh:mm:ss[.fffffff]</c>. Texts are
/// cut at <see cref="SagaDetails.LongestText"/> characters, because texts from outside may have any length.
/// </remarks>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    RespectRequiredConstructorParameters = true, // without this, other JSON such as a problem document would read as a completed action
    RespectNullableAnnotations = true,
    WriteIndented = true,
    Converters =
    [
        typeof(SagaIdConverter), typeof(CoordinatorIdConverter), typeof(IncarnationConverter), typeof(AdoptGenerationConverter),
        typeof(DefinitionHashConverter), typeof(CutTextConverter),
    ])]
[JsonSerializable(typeof(RecoveryReport))]
[JsonSerializable(typeof(PassReport))]
[JsonSerializable(typeof(RecoveryPlanReport))]
[JsonSerializable(typeof(SagaExplanation))]
[JsonSerializable(typeof(SagaDetails))]
[JsonSerializable(typeof(IReadOnlyList<SagaSummary>))]
[JsonSerializable(typeof(SagaCounts))]
[JsonSerializable(typeof(IReadOnlyList<IdMatch>))]
[JsonSerializable(typeof(SagaBatchRequest))]
[JsonSerializable(typeof(SagaBatchResponse))]
[JsonSerializable(typeof(IReadOnlyList<CoordinatorDetails>))]
[JsonSerializable(typeof(DefinitionList))]
[JsonSerializable(typeof(OperatorActionRequest))]
[JsonSerializable(typeof(OperatorActionResponse))]
[JsonSerializable(typeof(ClusterDetails))]
[JsonSerializable(typeof(ReassignRequest))]
[JsonSerializable(typeof(ReassignResponse))]
[JsonSerializable(typeof(DrainRequest))]
[JsonSerializable(typeof(PurgeRequest))]
[JsonSerializable(typeof(PurgeResponse))]
[JsonSerializable(typeof(DrainReport))]
[JsonSerializable(typeof(AcknowledgeRequest))]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(ProblemList))]
public sealed partial class RecoveryReportJson : JsonSerializerContext;

internal sealed class CutTextConverter : JsonConverter<string>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetString();

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options)
    {
        if (value.Length <= SagaDetails.LongestText)
        {
            writer.WriteStringValue(value);
            return;
        }

        bool splitsPair = char.IsHighSurrogate(value[SagaDetails.LongestText - 1]); // do not cut a surrogate pair in two
        writer.WriteStringValue(string.Concat(value.AsSpan(0, SagaDetails.LongestText - (splitsPair ? 1 : 0)), "…"));
    }
}

internal sealed class SagaIdConverter : JsonConverter<SagaId>
{
    public override SagaId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetGuid());

    public override void Write(Utf8JsonWriter writer, SagaId value, JsonSerializerOptions options) => writer.WriteStringValue(value.Value);
}

internal sealed class CoordinatorIdConverter : JsonConverter<CoordinatorId>
{
    public override CoordinatorId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetGuid());

    public override void Write(Utf8JsonWriter writer, CoordinatorId value, JsonSerializerOptions options) => writer.WriteStringValue(value.Value);
}

internal sealed class IncarnationConverter : JsonConverter<Incarnation>
{
    public override Incarnation Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetInt64());

    public override void Write(Utf8JsonWriter writer, Incarnation value, JsonSerializerOptions options) => writer.WriteNumberValue(value.Value);
}

internal sealed class AdoptGenerationConverter : JsonConverter<AdoptGeneration>
{
    public override AdoptGeneration Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetInt64());

    public override void Write(Utf8JsonWriter writer, AdoptGeneration value, JsonSerializerOptions options) => writer.WriteNumberValue(value.Value);
}

internal sealed class DefinitionHashConverter : JsonConverter<DefinitionHash>
{
    public override DefinitionHash Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        DefinitionHash.FromBytes(Convert.FromHexString(reader.GetString() ?? ""));

    public override void Write(Utf8JsonWriter writer, DefinitionHash value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}
