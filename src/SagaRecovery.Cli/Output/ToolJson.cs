using System.Text.Json.Serialization;
using SagaRecovery.Operations;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Output;

/// <summary>What stands in the database, where there is no process to ask.</summary>
internal sealed record StoreStatus(IReadOnlyList<CoordinatorDetails> Coordinators, IReadOnlyList<SagaCount> Counts, ClusterDetails Cluster);

/// <summary>What the check of the tables found.</summary>
internal sealed record SchemaFindings(string Schema, int Version, IReadOnlyList<string> Differences);

/// <summary>The tables' script.</summary>
internal sealed record SchemaScript(string Schema, int Version, string Script);

/// <summary>What only the tool answers, in the form of <see cref="RecoveryReportJson"/>.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    WriteIndented = true,
    Converters = [typeof(SagaIdConverter), typeof(CoordinatorIdConverter), typeof(IncarnationConverter), typeof(AdoptGenerationConverter)])]
[JsonSerializable(typeof(StoreStatus))]
[JsonSerializable(typeof(SchemaFindings))]
[JsonSerializable(typeof(SchemaScript))]
internal sealed partial class ToolJson : JsonSerializerContext;
